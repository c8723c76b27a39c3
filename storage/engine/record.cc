#include "storage/engine/record.h"

namespace ds {
namespace {

constexpr unsigned char kHasStreamSeq = 1;
constexpr unsigned char kHasMessages = 2;

void PutVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

bool TakeVarint(std::string_view& in, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

}  // namespace

std::string EncodeRecordHeader(std::string_view stream_seq,
                               const std::vector<uint32_t>& message_sizes) {
  std::string header(1, static_cast<char>((stream_seq.empty() ? 0 : kHasStreamSeq) |
                                          (message_sizes.empty() ? 0 : kHasMessages)));
  if (!stream_seq.empty()) {
    PutVarint(header, stream_seq.size());
    header.append(stream_seq);
  }
  if (!message_sizes.empty()) {
    PutVarint(header, message_sizes.size());
    for (const uint32_t size : message_sizes) PutVarint(header, size);
  }
  return header;
}

bool DecodeRecord(std::string_view value, RecordView& view) {
  view = {};
  if (value.empty()) return false;
  const auto flags = static_cast<unsigned char>(value.front());
  if (flags & ~(kHasStreamSeq | kHasMessages)) return false;
  value.remove_prefix(1);
  uint64_t number;
  if (flags & kHasStreamSeq) {
    if (!TakeVarint(value, number) || number > value.size()) return false;
    view.stream_seq = value.substr(0, number);
    value.remove_prefix(number);
  }
  if (flags & kHasMessages) {
    if (!TakeVarint(value, number) || number == 0 || number > value.size()) return false;
    view.message_count = static_cast<uint32_t>(number);
    const std::string_view sizes = value;
    for (uint32_t i = 0; i < view.message_count; ++i) {
      if (!TakeVarint(value, number)) return false;
    }
    view.encoded_messages = sizes.substr(0, sizes.size() - value.size());
  }
  view.payload = value;
  return !view.payload.empty();
}

bool DecodeMessageSizes(const RecordView& view, std::vector<uint32_t>& sizes) {
  sizes.clear();
  sizes.reserve(view.message_count);
  std::string_view in = view.encoded_messages;
  uint64_t total = 0;
  for (uint32_t i = 0; i < view.message_count; ++i) {
    uint64_t size;
    if (!TakeVarint(in, size) || size > view.payload.size()) return false;
    sizes.push_back(static_cast<uint32_t>(size));
    total += size;
  }
  return view.message_count == 0 || total == view.payload.size();
}

}  // namespace ds

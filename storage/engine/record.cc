#include "storage/engine/record.h"

namespace ds {
namespace {

constexpr unsigned char kHasStreamSeq = 1;
constexpr unsigned char kHasMessages = 2;
constexpr unsigned char kHasAppends = 4;

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

void PutSizes(std::string& out, const std::vector<uint32_t>& sizes) {
  PutVarint(out, sizes.size());
  for (const uint32_t size : sizes) PutVarint(out, size);
}

// Takes a list that PutSizes wrote off the front of `in`.
bool TakeSizes(std::string_view& in, uint32_t& count, std::string_view& encoded) {
  uint64_t number;
  if (!TakeVarint(in, number) || number == 0 || number > in.size()) return false;
  count = static_cast<uint32_t>(number);
  const std::string_view sizes = in;
  for (uint32_t i = 0; i < count; ++i) {
    if (!TakeVarint(in, number)) return false;
  }
  encoded = sizes.substr(0, sizes.size() - in.size());
  return true;
}

// False when the sizes do not add up to `total`.
bool DecodeSizes(std::string_view encoded, uint32_t count, uint64_t total,
                 std::vector<uint32_t>& sizes) {
  sizes.clear();
  sizes.reserve(count);
  uint64_t sum = 0;
  for (uint32_t i = 0; i < count; ++i) {
    uint64_t size;
    if (!TakeVarint(encoded, size) || size > total) return false;
    sizes.push_back(static_cast<uint32_t>(size));
    sum += size;
  }
  return sum == total;
}

}  // namespace

std::string EncodeRecordHeader(std::string_view stream_seq,
                               const std::vector<uint32_t>& append_sizes,
                               const std::vector<uint32_t>& message_sizes) {
  std::string header(1, static_cast<char>((stream_seq.empty() ? 0 : kHasStreamSeq) |
                                          (message_sizes.empty() ? 0 : kHasMessages) |
                                          (append_sizes.size() == 1 ? 0 : kHasAppends)));
  if (!stream_seq.empty()) {
    PutVarint(header, stream_seq.size());
    header.append(stream_seq);
  }
  if (!message_sizes.empty()) PutSizes(header, message_sizes);
  if (append_sizes.size() > 1) PutSizes(header, append_sizes);
  return header;
}

bool DecodeRecord(std::string_view value, RecordView& view) {
  view = {};
  if (value.empty()) return false;
  const auto flags = static_cast<unsigned char>(value.front());
  if (flags & ~(kHasStreamSeq | kHasMessages | kHasAppends)) return false;
  value.remove_prefix(1);
  if (flags & kHasStreamSeq) {
    uint64_t size;
    if (!TakeVarint(value, size) || size > value.size()) return false;
    view.stream_seq = value.substr(0, size);
    value.remove_prefix(size);
  }
  if ((flags & kHasMessages) && !TakeSizes(value, view.message_count, view.encoded_messages)) {
    return false;
  }
  if ((flags & kHasAppends) && !TakeSizes(value, view.append_count, view.encoded_appends)) {
    return false;
  }
  view.payload = value;
  return !view.payload.empty();
}

bool DecodeMessageSizes(const RecordView& view, std::vector<uint32_t>& sizes) {
  if (view.message_count == 0) {
    sizes.clear();
    return true;
  }
  return DecodeSizes(view.encoded_messages, view.message_count, view.payload.size(), sizes);
}

bool DecodeAppendSizes(const RecordView& view, std::vector<uint32_t>& sizes) {
  if (view.append_count == 1) {
    sizes.assign(1, static_cast<uint32_t>(view.payload.size()));
    return true;
  }
  return DecodeSizes(view.encoded_appends, view.append_count, view.payload.size(), sizes);
}

}  // namespace ds

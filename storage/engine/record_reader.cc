#include "storage/engine/record_reader.h"

#include <algorithm>

#include "storage/api/errors.h"
#include "storage/engine/record_walker.h"

namespace ds {
namespace {

absl::Status Damaged() { return absl::DataLossError("records of a stream are missing or damaged"); }

absl::Status InsideMessage() {
  return MakeError(ErrorCode::kInvalidOffset, "the offset lies inside a message");
}

// Appends the messages of `record` that lie in [from, to), both relative to its payload, as long
// as they fit. Sets `full` when one did not.
absl::Status TakeMessages(const RecordView& record, uint64_t from, uint64_t to, uint64_t max_bytes,
                          Chunk& chunk, bool& full) {
  std::vector<uint32_t> sizes;
  if (!DecodeMessageSizes(record, sizes)) return Damaged();
  uint64_t at = 0;
  size_t index = 0;
  while (at < from) at += sizes[index++];
  if (at != from) return InsideMessage();
  const uint64_t first = at;
  while (at < to) {
    const uint32_t size = sizes[index++];
    if (at + size > to) return InsideMessage();
    const uint64_t taken = chunk.data.size() + (at - first);
    if (taken > 0 && taken + size > max_bytes) {
      full = true;
      break;
    }
    chunk.message_sizes.push_back(size);
    at += size;
  }
  chunk.data.append(record.payload.substr(first, at - first));
  return absl::OkStatus();
}

// How many bytes at the end of `text` belong to a character that is cut off.
size_t CutOffTail(std::string_view text) {
  for (size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? back : 0;
    }
  }
  return 0;
}

}  // namespace

absl::Status RecordReader::Read(const Request& request, Chunk& chunk, size_t* own_records) const {
  chunk.data.reserve(std::min(request.to - request.from, request.max_bytes));
  bool full = false;
  for (const Segment& segment : request.lineage.Slice(request.from, request.to)) {
    uint64_t at = segment.begin;
    size_t records = 0;
    RecordWalker walker(database_, segment);
    for (; at < segment.end && !full; walker.Next()) {
      if (!walker.Load() || at < walker.start() || at >= walker.end()) return Damaged();
      const RecordView& record = walker.record();
      const uint64_t start = walker.start();
      const uint64_t to = std::min(walker.end(), segment.end);
      if (request.json) {
        const absl::Status status =
            TakeMessages(record, at - start, to - start, request.max_bytes, chunk, full);
        if (!status.ok()) return status;
      } else {
        const uint64_t size = std::min(to - at, request.max_bytes - chunk.data.size());
        chunk.data.append(record.payload.substr(at - start, size));
        full = chunk.data.size() >= request.max_bytes;
      }
      at = to;
      ++records;
    }
    if (own_records != nullptr && segment.stream_id == request.lineage.stream_id()) {
      *own_records = records;
    }
    if (full) break;
  }
  const bool cut = !request.json && chunk.data.size() < request.to - request.from;
  if (cut && request.text) {
    const size_t extra = CutOffTail(chunk.data);
    if (extra < chunk.data.size()) chunk.data.resize(chunk.data.size() - extra);
  }
  return absl::OkStatus();
}

absl::Status RecordReader::ResolveSubOffset(const Lineage& lineage, uint64_t tail, uint64_t anchor,
                                            uint64_t sub_offset, bool json,
                                            uint64_t& position) const {
  position = anchor;
  if (sub_offset == 0) return absl::OkStatus();
  const auto overshoot = [] {
    return MakeError(ErrorCode::kInvalidOffset,
                     "Stream-Fork-Sub-Offset points past the next data boundary");
  };
  const std::vector<Segment> segments = lineage.Slice(anchor, tail);
  if (segments.empty()) return overshoot();
  const Segment& segment = segments.front();
  RecordWalker walker(database_, segment);
  std::vector<uint32_t> sizes;
  if (!walker.Load() || !DecodeAppendSizes(walker.record(), sizes)) return Damaged();
  uint64_t end = walker.start();
  for (size_t i = 0; end <= anchor; ++i) end += sizes[i];
  end = std::min(end, segment.end);
  if (!json) {
    if (sub_offset > end - anchor) return overshoot();
    position = anchor + sub_offset;
    return absl::OkStatus();
  }
  if (!DecodeMessageSizes(walker.record(), sizes)) return Damaged();
  uint64_t at = walker.start();
  size_t index = 0;
  while (at < anchor) at += sizes[index++];
  if (at != anchor) return InsideMessage();
  for (uint64_t i = 0; i < sub_offset; ++i) {
    if (at >= end) return overshoot();
    at += sizes[index++];
  }
  position = at;
  return absl::OkStatus();
}

}  // namespace ds

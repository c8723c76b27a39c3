#include "storage/core/lineage.h"

#include <algorithm>
#include <utility>

#include "storage/api/errors.h"

namespace ds {

Lineage::Lineage(uint64_t stream_id, std::vector<Segment> inherited)
    : stream_id_(stream_id), inherited_(std::move(inherited)) {}

Lineage Lineage::ForkAt(uint64_t position, uint64_t fork_id) const {
  std::vector<Segment> segments;
  for (const Segment& segment : inherited_) {
    if (segment.begin >= position && !segments.empty()) break;
    segments.push_back({segment.stream_id, segment.begin, std::min(segment.end, position)});
  }
  if (position > base() || segments.empty()) segments.push_back({stream_id_, base(), position});
  return Lineage(fork_id, std::move(segments));
}

Offset Lineage::OffsetAt(uint64_t position) const {
  for (const Segment& segment : inherited_) {
    if (position <= segment.end) return {segment.stream_id, position};
  }
  return {stream_id_, position};
}

absl::Status Lineage::Resolve(Offset offset, uint64_t tail, uint64_t& position) const {
  position = offset.position;
  if (offset == Offset{}) return absl::OkStatus();
  if (offset.stream_id == stream_id_) {
    if (position >= base() && position <= tail) return absl::OkStatus();
    return MakeError(ErrorCode::kInvalidOffset, "the offset lies outside the stream");
  }
  for (const Segment& segment : inherited_) {
    if (segment.stream_id != offset.stream_id) continue;
    if (position >= segment.begin && position <= segment.end) return absl::OkStatus();
    return MakeError(ErrorCode::kInvalidOffset, "the offset lies behind the fork point");
  }
  if (offset.stream_id != 0 && offset.stream_id < stream_id_) {
    return MakeError(ErrorCode::kOffsetGone, "the offset belongs to an earlier stream");
  }
  return MakeError(ErrorCode::kInvalidOffset, "the offset was never given out");
}

std::vector<Segment> Lineage::Slice(uint64_t from, uint64_t to) const {
  std::vector<Segment> slices;
  const auto add = [&](uint64_t id, uint64_t begin, uint64_t end) {
    begin = std::max(begin, from);
    end = std::min(end, to);
    if (begin < end) slices.push_back({id, begin, end});
  };
  for (const Segment& segment : inherited_) add(segment.stream_id, segment.begin, segment.end);
  add(stream_id_, base(), to);
  return slices;
}

}  // namespace ds

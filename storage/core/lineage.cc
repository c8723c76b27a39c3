#include "storage/core/lineage.h"

#include <algorithm>
#include <utility>

#include "storage/api/errors.h"

namespace ds {

Lineage::Lineage(uint64_t stream_id, std::vector<Segment> inherited, uint64_t incarnation)
    : stream_id_(stream_id),
      incarnation_(incarnation == 0 ? stream_id : incarnation),
      inherited_(std::move(inherited)) {
  for (Segment& segment : inherited_) {
    if (segment.incarnation == 0) segment.incarnation = segment.stream_id;
  }
}

uint64_t Lineage::own_begin() const {
  for (const Segment& segment : inherited_) {
    if (segment.stream_id == stream_id_) return segment.begin;
  }
  return base();
}

std::vector<Segment> Lineage::SegmentsBefore(uint64_t position) const {
  std::vector<Segment> segments;
  for (const Segment& segment : inherited_) {
    if (segment.begin >= position && !segments.empty()) break;
    segments.push_back(segment);
    segments.back().end = std::min(segment.end, position);
  }
  if (position > base() || segments.empty()) {
    segments.push_back({stream_id_, base(), position, incarnation_});
  }
  return segments;
}

Lineage Lineage::ForkAt(uint64_t position, uint64_t fork_id) const {
  return Lineage(fork_id, SegmentsBefore(position));
}

Lineage Lineage::ContinueAt(uint64_t tail, uint64_t incarnation) const {
  return Lineage(stream_id_, SegmentsBefore(tail), incarnation);
}

Offset Lineage::OffsetAt(uint64_t position) const {
  for (const Segment& segment : inherited_) {
    if (position <= segment.end) return {segment.incarnation, position};
  }
  return {incarnation_, position};
}

absl::Status Lineage::Resolve(Offset offset, uint64_t tail, uint64_t& position) const {
  const auto gone = [] {
    return MakeError(ErrorCode::kOffsetGone, "the offset belongs to data that was lost");
  };
  position = offset.position;
  if (offset == Offset{}) return absl::OkStatus();
  if (offset.incarnation == incarnation_) {
    if (position >= base() && position <= tail) return absl::OkStatus();
    if (cut_ && position > tail) return gone();
    return MakeError(ErrorCode::kInvalidOffset, "the offset lies outside the stream");
  }
  for (size_t i = 0; i < inherited_.size(); ++i) {
    const Segment& segment = inherited_[i];
    if (segment.incarnation != offset.incarnation) continue;
    if (position >= segment.begin && position <= segment.end) return absl::OkStatus();
    // Where the same stream goes on under another incarnation, this one's end was lost.
    const uint64_t next = i + 1 < inherited_.size() ? inherited_[i + 1].stream_id : stream_id_;
    if (position > segment.end && next == segment.stream_id) return gone();
    return MakeError(ErrorCode::kInvalidOffset, "the offset lies behind the fork point");
  }
  if (offset.incarnation != 0 && offset.incarnation < incarnation_) {
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

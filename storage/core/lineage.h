#ifndef STORAGE_CORE_LINEAGE_H_
#define STORAGE_CORE_LINEAGE_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "storage/api/offset.h"

namespace ds {

// The positions [begin, end) of a stream, kept under the id of the stream that wrote them.
struct Segment {
  uint64_t stream_id = 0;
  uint64_t begin = 0;
  uint64_t end = 0;
  // What the offsets of (begin, end] carry; 0: `stream_id`.
  uint64_t incarnation = 0;

  friend bool operator==(const Segment&, const Segment&) = default;
};

// Where the bytes of a stream are kept: of a fork, those before its `base` under the ids of its
// ancestors, the rest under its own (section 4.2). A fork shares its source's offsets up to the
// fork point ("Offsets and forked streams", section 8), so the lineage also says which incarnation
// an offset carries. A value without behaviour beyond that; immutable once the stream exists.
//
// A stream whose end may have been lost goes on like a fork of what is left of it, but under its
// own id: positions up to there keep their offsets, and what is appended has an incarnation of its
// own.
class Lineage {
 public:
  Lineage() = default;
  // A stream that is no fork.
  explicit Lineage(uint64_t stream_id) : stream_id_(stream_id), incarnation_(stream_id) {}
  // As read back from the disk. REQUIRES: `inherited` covers [0, base) in order, its first element
  // belongs to the oldest ancestor (and may be empty), the others are not empty. `incarnation` is
  // what offsets beyond `base` carry; 0: `stream_id`.
  Lineage(uint64_t stream_id, std::vector<Segment> inherited, uint64_t incarnation = 0);

  uint64_t stream_id() const { return stream_id_; }
  uint64_t incarnation() const { return incarnation_; }
  // Where the last incarnation begins.
  uint64_t base() const { return inherited_.empty() ? 0 : inherited_.back().end; }
  // The first position that is kept under this stream's own id.
  uint64_t own_begin() const;
  const std::vector<Segment>& inherited() const { return inherited_; }

  // The lineage of a fork with id `fork_id` that leaves this stream at `position`.
  // REQUIRES: position is at most this stream's tail.
  Lineage ForkAt(uint64_t position, uint64_t fork_id) const;

  // The lineage of this stream as it goes on at `tail` under a new incarnation.
  // REQUIRES: `incarnation` is above this one's.
  Lineage ContinueAt(uint64_t tail, uint64_t incarnation) const;

  // Bytes behind the tail may have been handed out and lost: offsets beyond it are gone rather than
  // invalid, and nothing may be appended before ContinueAt.
  void MarkCut() { cut_ = true; }
  bool cut() const { return cut_; }

  // The one offset that clients get for `position`.
  Offset OffsetAt(uint64_t position) const;

  // The position behind an offset that a client sent. `tail` is the stream's. Errors:
  // kInvalidOffset for one that was never given out for this stream, kOffsetGone for one of an
  // earlier stream at the same path, or of bytes that were lost.
  absl::Status Resolve(Offset offset, uint64_t tail, uint64_t& position) const;

  // The parts of [from, to) in order. REQUIRES: from <= to <= tail.
  std::vector<Segment> Slice(uint64_t from, uint64_t to) const;

 private:
  // The segments up to `position`, none of them under the last incarnation.
  std::vector<Segment> SegmentsBefore(uint64_t position) const;

  uint64_t stream_id_ = 0;
  uint64_t incarnation_ = 0;
  bool cut_ = false;
  std::vector<Segment> inherited_;
};

}  // namespace ds

#endif  // STORAGE_CORE_LINEAGE_H_

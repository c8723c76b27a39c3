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

  friend bool operator==(const Segment&, const Segment&) = default;
};

// Where the bytes of a stream are kept: of a fork, those before its `base` under the ids of its
// ancestors, the rest under its own (section 4.2). A fork shares its source's offsets up to the
// fork point ("Offsets and forked streams", section 8), so the lineage also says which id an offset
// carries. A value without behaviour beyond that; immutable once the stream exists.
class Lineage {
 public:
  Lineage() = default;
  // A stream that is no fork.
  explicit Lineage(uint64_t stream_id) : stream_id_(stream_id) {}
  // As read back from the disk. REQUIRES: `inherited` covers [0, base) in order, its first element
  // belongs to the oldest ancestor (and may be empty), the others are not empty.
  Lineage(uint64_t stream_id, std::vector<Segment> inherited);

  uint64_t stream_id() const { return stream_id_; }
  uint64_t base() const { return inherited_.empty() ? 0 : inherited_.back().end; }
  const std::vector<Segment>& inherited() const { return inherited_; }

  // The lineage of a fork with id `fork_id` that leaves this stream at `position`.
  // REQUIRES: position is at most this stream's tail.
  Lineage ForkAt(uint64_t position, uint64_t fork_id) const;

  // The one offset that clients get for `position`.
  Offset OffsetAt(uint64_t position) const;

  // The position behind an offset that a client sent. `tail` is the stream's. Errors:
  // kInvalidOffset for one that was never given out for this stream, kOffsetGone for one of an
  // earlier stream at the same path.
  absl::Status Resolve(Offset offset, uint64_t tail, uint64_t& position) const;

  // The parts of [from, to) in order. REQUIRES: from <= to <= tail.
  std::vector<Segment> Slice(uint64_t from, uint64_t to) const;

 private:
  uint64_t stream_id_ = 0;
  std::vector<Segment> inherited_;
};

}  // namespace ds

#endif  // STORAGE_CORE_LINEAGE_H_

#ifndef STORAGE_API_CONDITION_H_
#define STORAGE_API_CONDITION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "storage/api/offset.h"

namespace ds {

// A state of a stream: since data is only ever appended, this much names all of its content.
struct StreamVersion {
  uint64_t stream_id = 0;  // of the incarnation
  Offset tail;
  bool closed = false;

  friend bool operator==(const StreamVersion&, const StreamVersion&) = default;
};

// What a client says of a state that it knows: all of it, or the tail alone.
struct VersionTag {
  uint64_t stream_id = 0;  // 0: any
  Offset tail;
  std::optional<bool> closed;  // not set: either

  friend bool operator==(const VersionTag&, const VersionTag&) = default;
};

// Matches a state that one of the tags names, or any. Without either it matches none.
struct VersionTags {
  bool any = false;
  std::vector<VersionTag> tags;

  friend bool operator==(const VersionTags&, const VersionTags&) = default;
};

// What must hold for a write (RFC 9110 section 13.1). It is judged together with the write: nothing
// comes in between.
struct WriteCondition {
  std::optional<VersionTags> match;       // If-Match: the stream's state matches
  std::optional<VersionTags> none_match;  // If-None-Match: there is no stream whose state matches

  friend bool operator==(const WriteCondition&, const WriteCondition&) = default;
};

// nullptr for none, which is nearly always.
using ConditionPtr = std::shared_ptr<const WriteCondition>;

}  // namespace ds

#endif  // STORAGE_API_CONDITION_H_

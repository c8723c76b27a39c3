#ifndef STORAGE_CORE_STREAM_H_
#define STORAGE_CORE_STREAM_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "storage/api/types.h"
#include "storage/core/lineage.h"

// The rules of one stream: what an operation does to it and what it answers. Pure functions over
// values: no I/O, no clock, no threads, so that every engine shares them and any history can be
// replayed.

namespace ds {

// What a stream is from its creation on.
struct StreamConfig {
  std::string content_type;
  Lifetime lifetime;
  Lineage lineage;
  absl::Time created_at;
  // Set for a fork.
  std::string source_path;
  uint64_t source_id = 0;
  uint64_t fork_anchor = 0;      // the position of Stream-Fork-Offset
  uint64_t fork_sub_offset = 0;  // as requested, for repeated creation
  bool content_type_inherited = false;
  bool lifetime_inherited = false;

  bool is_fork() const { return source_id != 0; }
};

// What changes over a stream's life.
struct StreamState {
  uint64_t tail = 0;
  bool closed = false;
  bool soft_deleted = false;    // deleted, and kept for its forks
  uint32_t fork_count = 0;      // forks that name this stream as their source
  std::string last_stream_seq;  // empty: none yet
  std::optional<ProducerTag> closed_by;

  friend bool operator==(const StreamState&, const StreamState&) = default;
};

// What is known of one producer on one stream (section 5.2.1).
struct ProducerState {
  uint64_t epoch = 0;
  uint64_t last_seq = 0;

  friend bool operator==(const ProducerState&, const ProducerState&) = default;
};

// A validated append: its shape, without the bytes.
struct AppendInput {
  std::string_view content_type;
  uint64_t size = 0;  // 0: close only
  const std::optional<std::string>& stream_seq;
  const std::optional<ProducerTag>& producer;
  bool close = false;
  absl::Status body = {};                     // what is wrong with the bytes themselves
  const WriteCondition* condition = nullptr;  // nullptr: none

  bool has_body() const { return size > 0 || !body.ok(); }
};

struct AppendDecision {
  absl::Status status;
  bool duplicate = false;
  uint64_t expected_seq = 0;  // on kProducerSequenceGap
  bool changes = false;       // `state` and `producer` differ from what was given
  StreamState state;
  std::optional<ProducerState> producer;  // the state in force afterwards, when one was named
};

// The stream's state as conditions see it.
StreamVersion VersionOf(const StreamConfig& config, const StreamState& state);

// Sections 5.2, 5.2.1 and 5.3. Judged in this order: deleted; closed (a producer's duplicate and a
// repeated close still succeed); content type; the body; producer (a duplicate succeeds);
// Stream-Seq; the condition.
AppendDecision DecideAppend(const StreamConfig& config, const StreamState& state,
                            const std::optional<ProducerState>& producer, const AppendInput& input);

// Whether a repeated creation asks for the stream that exists (section 5.1): kStreamExists if not.
// `anchor` is the position of the request's fork offset in the existing stream, if it gave one that
// resolves.
absl::Status MatchExisting(const StreamConfig& config, const StreamState& state,
                           const CreateRequest& request);

// The lifetime of a fork: the requested one, or else the source's (the table in section 4.2).
Lifetime ForkLifetime(const Lifetime& requested, const Lifetime& source);

// When a stream that was last used at `last_access` is gone; InfiniteFuture without an expiry.
absl::Time Deadline(const Lifetime& lifetime, absl::Time last_access);

// How long a renewal of a sliding TTL may wait before it is persisted.
absl::Duration RenewalStep(const Lifetime& lifetime);

}  // namespace ds

#endif  // STORAGE_CORE_STREAM_H_

#ifndef STORAGE_API_TYPES_H_
#define STORAGE_API_TYPES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "storage/api/call_context.h"
#include "storage/api/condition.h"
#include "storage/api/offset.h"
#include "storage/api/stream_path.h"

namespace ds {

// The headers of an idempotent producer (section 5.2.1). Both numbers are at most 2^53-1.
struct ProducerTag {
  std::string id;
  uint64_t epoch = 0;
  uint64_t seq = 0;

  friend bool operator==(const ProducerTag&, const ProducerTag&) = default;
};

// How long a stream lives; at most one of the two is set (section 5.1).
struct Lifetime {
  std::optional<uint64_t> ttl_seconds;   // sliding; reads and writes renew it
  std::optional<absl::Time> expires_at;  // absolute
  std::string expires_at_text;           // as the client wrote it; HEAD gives it back
  bool set() const { return ttl_seconds.has_value() || expires_at.has_value(); }
};

// Where a fork leaves its source (section 4.2).
struct ForkPoint {
  StreamPath source_path;
  std::optional<Offset> offset;  // the source's tail when not set
  uint64_t sub_offset = 0;       // bytes, or messages of a JSON stream, past `offset`
};

struct CreateRequest {
  StreamPath path;
  std::string content_type;  // empty: the source's for a fork, else application/octet-stream
  Lifetime lifetime;
  std::string body;  // the stream's first bytes; JSON is split into messages by the store
  bool closed = false;
  std::optional<ForkPoint> fork;
  ConditionPtr condition = nullptr;
  CallContext context = {};
};

struct CreateResult {
  absl::Status status;
  bool created = false;  // false: it was there already, with this configuration
  std::string content_type;
  Offset tail;
  bool closed = false;
  // On kPreconditionFailed, here and in the other results of writes: the state that the condition
  // was judged by; not set when there is no stream.
  std::optional<StreamVersion> current = {};
};

struct AppendRequest {
  StreamPath path;
  std::string content_type;  // ignored when `body` is empty
  std::string body;          // empty only together with `close`
  std::optional<std::string> stream_seq;
  std::optional<ProducerTag> producer;
  bool close = false;
  ConditionPtr condition = nullptr;
  CallContext context = {};
};

struct AppendResult {
  absl::Status status;
  // Set on success, and on kStreamClosed.
  Offset tail;
  bool closed = false;
  bool duplicate = false;
  // Set when the request had a producer: the epoch in force (also on kProducerFenced) and the
  // highest accepted sequence.
  uint64_t producer_epoch = 0;
  uint64_t producer_seq = 0;
  // Set on kProducerSequenceGap.
  uint64_t expected_seq = 0;
  std::optional<StreamVersion> current = {};
};

// What a stream is, without its data.
struct StreamInfo {
  std::string path;
  uint64_t stream_id = 0;
  std::string content_type;
  Lifetime lifetime;
  Offset tail;
  bool closed = false;
  absl::Time created_at;
};

struct HeadRequest {
  StreamPath path;
  bool renew = false;  // counts as a read for the sliding TTL
  CallContext context = {};
};

struct HeadResult {
  absl::Status status;
  StreamInfo info;
};

// A run of a stream's bytes. What stands at a position never changes, so whoever needs the bytes
// shares them.
struct Chunk {
  std::string data;
  std::vector<uint32_t> message_sizes;  // JSON: the messages that `data` consists of
};
using ChunkPtr = std::shared_ptr<const Chunk>;

inline const Chunk& ChunkOrEmpty(const ChunkPtr& chunk) {
  static const Chunk empty;
  return chunk != nullptr ? *chunk : empty;
}

struct ReadRequest {
  enum class From { kBeginning, kNow, kOffset };

  StreamPath path;
  From from = From::kBeginning;
  Offset offset;                  // with kOffset
  uint64_t max_bytes = 4u << 20;  // at least one whole message of a JSON stream comes, however long
  // The caller has the bytes up to here: an answer that ends there may come without them.
  std::optional<Offset> known_next;
  CallContext context = {};
};

// One contiguous piece of a stream, cut at `max_bytes`.
struct ReadResult {
  absl::Status status;
  StreamInfo info;          // as of the read
  Offset start;             // where the data begins, in the canonical form
  Offset next;              // where it ends
  ChunkPtr chunk;           // nullptr: no data
  bool up_to_date = false;  // `next` was the tail
  bool unchanged = false;   // the data is left out, since `next` is the request's `known_next`

  const std::string& data() const { return ChunkOrEmpty(chunk).data; }
  const std::vector<uint32_t>& message_sizes() const { return ChunkOrEmpty(chunk).message_sizes; }
  // The stream was closed and `next` its final offset.
  bool at_end() const { return up_to_date && info.closed; }
};

struct DeleteRequest {
  StreamPath path;
  ConditionPtr condition = nullptr;
  CallContext context = {};
};

struct DeleteResult {
  absl::Status status;
  std::optional<StreamVersion> current = {};
};

struct ListRequest {
  std::string prefix;
  std::string page_token;    // empty for the first page; else the last path of the one before
  uint32_t page_size = 100;  // at most 1,000
  CallContext context = {};
};

struct ListResult {
  absl::Status status;
  std::vector<StreamInfo> streams;  // in byte order of their paths
  std::string next_page_token;      // empty on the last page
};

// One commit to one stream, or the end of following it.
struct TailEvent {
  enum class Kind {
    kData,  // data was appended; `closed` tells whether the same commit closed the stream
    kClosed,
    kGone,  // deleted or expired
    kLost,  // the connection to the storage broke: subscribe again
  };

  Kind kind = Kind::kData;
  uint64_t stream_id = 0;
  Offset start;
  Offset next;
  bool closed = false;
  ChunkPtr chunk;  // nullptr but with kData

  const std::string& data() const { return ChunkOrEmpty(chunk).data; }
  const std::vector<uint32_t>& message_sizes() const { return ChunkOrEmpty(chunk).message_sizes; }
};

// One change that Watch reports.
struct ChangeEvent {
  enum class Kind {
    kCreated,
    kAppended,
    kClosed,
    kDeleted,
    kExpired,
    kLost,  // changes before the next one were lost: list to find out; nothing else is set
  };

  Kind kind = Kind::kCreated;
  std::string path;
  std::string content_type;
  uint64_t stream_id = 0;
  Offset tail;
  absl::Time time;
};

}  // namespace ds

#endif  // STORAGE_API_TYPES_H_

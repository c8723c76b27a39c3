#include "gateway/protocol/fields.h"

#include <algorithm>
#include <charconv>

#include "absl/time/time.h"
#include "gateway/protocol/cursor.h"
#include "storage/api/errors.h"
#include "storage/core/request_checks.h"

namespace ds {
namespace {

absl::Status BadHeader(std::string_view why) { return MakeError(ErrorCode::kInvalidHeader, why); }

bool ParseDigits(std::string_view text, uint64_t& value) {
  if (text.empty() || text[0] < '0' || text[0] > '9') return false;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

bool EqualsTrue(std::string_view text) {
  constexpr std::string_view kTrue = "true";
  return text.size() == kTrue.size() && std::equal(text.begin(), text.end(), kTrue.begin(),
                                                   [](char a, char b) { return (a | 0x20) == b; });
}

}  // namespace

bool IsStreamClosed(Field value) { return value && EqualsTrue(*value); }

absl::StatusOr<uint64_t> ParseTtl(std::string_view value) {
  uint64_t seconds;
  if (!ParseDigits(value, seconds) || (value.size() > 1 && value[0] == '0')) {
    return BadHeader("Stream-TTL must be a decimal number of seconds");
  }
  return seconds;
}

absl::StatusOr<Lifetime> ParseLifetime(Field ttl, Field expires_at) {
  Lifetime lifetime;
  if (ttl && expires_at) return BadHeader("Stream-TTL and Stream-Expires-At exclude each other");
  if (ttl) {
    const absl::StatusOr<uint64_t> seconds = ParseTtl(*ttl);
    if (!seconds.ok()) return seconds.status();
    lifetime.ttl_seconds = *seconds;
  }
  if (expires_at) {
    const absl::StatusOr<absl::Time> time = ParseTimestamp(*expires_at);
    if (!time.ok()) return BadHeader(std::string(time.status().message()));
    lifetime.expires_at = *time;
    lifetime.expires_at_text = std::string(*expires_at);
  }
  return lifetime;
}

absl::StatusOr<std::optional<ProducerTag>> ParseProducer(Field id, Field epoch, Field seq) {
  if (!id && !epoch && !seq) return std::optional<ProducerTag>();
  if (!id || !epoch || !seq) {
    return BadHeader("Producer-Id, Producer-Epoch and Producer-Seq go together");
  }
  ProducerTag tag{std::string(*id)};
  if (!ParseDigits(*epoch, tag.epoch) || tag.epoch > kMaxSafeInteger) {
    return BadHeader("Producer-Epoch must be an integer from 0 to 2^53-1");
  }
  if (!ParseDigits(*seq, tag.seq) || tag.seq > kMaxSafeInteger) {
    return BadHeader("Producer-Seq must be an integer from 0 to 2^53-1");
  }
  absl::Status checked = AsHeaderError(CheckProducer(tag));
  if (!checked.ok()) return checked;
  return std::optional<ProducerTag>(std::move(tag));
}

absl::Status AsHeaderError(const absl::Status& status) {
  if (status.ok() || GetErrorCode(status) != ErrorCode::kBadRequest) return status;
  return BadHeader(std::string(status.message()));
}

absl::StatusOr<std::optional<ForkPoint>> ParseFork(Field source, Field offset, Field sub_offset,
                                                   std::string_view root) {
  if (!source) {
    if (offset) return BadHeader("Stream-Fork-Offset requires Stream-Forked-From");
    if (sub_offset) return BadHeader("Stream-Fork-Sub-Offset requires Stream-Forked-From");
    return std::optional<ForkPoint>();
  }
  ForkPoint fork;
  absl::StatusOr<StreamPath> path = ParseStreamPath(TargetPath(*source), root);
  if (!path.ok()) {
    return GetErrorCode(path.status()) == ErrorCode::kStreamNotFound
               ? MakeError(ErrorCode::kSourceNotFound)
               : path.status();
  }
  fork.source_path = *std::move(path);
  if (offset) {
    fork.offset = Offset::Parse(*offset);
    if (!fork.offset) return MakeError(ErrorCode::kInvalidOffset, "malformed Stream-Fork-Offset");
  }
  if (sub_offset) {
    if (!ParseDigits(*sub_offset, fork.sub_offset) ||
        (sub_offset->size() > 1 && (*sub_offset)[0] == '0')) {
      return BadHeader("Stream-Fork-Sub-Offset must be a decimal number");
    }
  }
  return std::optional<ForkPoint>(std::move(fork));
}

absl::StatusOr<ReadQuery> ParseReadQuery(const Target& target) {
  ReadQuery query;
  const std::string* const live = target.Find("live");
  if (live != nullptr) {
    if (*live == "long-poll") {
      query.live = ReadQuery::Live::kLongPoll;
    } else if (*live == "sse") {
      query.live = ReadQuery::Live::kSse;
    } else {
      return MakeError(ErrorCode::kInvalidQuery, "live must be long-poll or sse");
    }
  }
  if (const std::string* const cursor = target.Find("cursor")) {
    query.cursor = ParseCursor(*cursor);
    if (!query.cursor || target.Count("cursor") > 1) {
      return MakeError(ErrorCode::kInvalidQuery, "cursor must be one that this server gave");
    }
  }

  const size_t offsets = target.Count("offset");
  if (offsets > 1) return MakeError(ErrorCode::kInvalidOffset, "more than one offset");
  if (offsets == 0) {
    if (query.live != ReadQuery::Live::kNone) {
      return MakeError(ErrorCode::kInvalidOffset, "live reads need an offset");
    }
    query.offset_text = "-1";
    return query;
  }
  query.offset_text = *target.Find("offset");
  if (query.offset_text == "-1") return query;
  if (query.offset_text == "now") {
    query.from = ReadRequest::From::kNow;
    return query;
  }
  const std::optional<Offset> offset = Offset::Parse(query.offset_text);
  if (!offset) return MakeError(ErrorCode::kInvalidOffset, "malformed offset");
  query.from = ReadRequest::From::kOffset;
  query.offset = *offset;
  return query;
}

}  // namespace ds

#include "gateway/protocol/fields.h"

#include <algorithm>
#include <charconv>

#include "absl/time/time.h"
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

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Calls `visit` with every item of a comma-separated list.
template <typename Visit>
void ForEachItem(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    visit(Trim(list.substr(0, end)));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
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
  if (const std::string* const cursor = target.Find("cursor")) query.cursor = *cursor;

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

bool NamesEtag(std::string_view if_none_match, std::string_view etag) {
  bool found = false;
  ForEachItem(if_none_match, [&](std::string_view item) {
    if (item.starts_with("W/")) item.remove_prefix(2);
    found |= item == "*" || item == etag;
  });
  return found;
}

std::optional<Offset> EtagNext(std::string_view if_none_match) {
  std::optional<Offset> next;
  ForEachItem(if_none_match, [&](std::string_view item) {
    const size_t first = item.find(':');
    const size_t second = first == item.npos ? first : item.find(':', first + 1);
    if (next || second == item.npos) return;
    next = Offset::Parse(item.substr(second + 1, Offset::kTextSize));
  });
  return next;
}

bool AcceptsGzip(std::string_view accept_encoding) {
  bool accepts = false;
  ForEachItem(accept_encoding, [&](std::string_view item) {
    const size_t semicolon = item.find(';');
    const std::string_view name = Trim(item.substr(0, semicolon));
    if (name != "gzip" && name != "x-gzip") return;
    accepts = true;
    if (semicolon == item.npos) return;
    const std::string_view weight = Trim(item.substr(semicolon + 1));
    if (weight.starts_with("q=0") && weight.find_first_of("123456789", 2) == weight.npos) {
      accepts = false;
    }
  });
  return accepts;
}

}  // namespace ds

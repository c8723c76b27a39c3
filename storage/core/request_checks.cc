#include "storage/core/request_checks.h"

#include <algorithm>
#include <string>

#include "storage/api/errors.h"
#include "storage/core/content_type.h"
#include "storage/core/rfc3339.h"

namespace ds {
namespace {

constexpr size_t kMaxTimestampBytes = 64;
constexpr size_t kMaxSubscriptionIdBytes = 256;
constexpr size_t kMaxUrlBytes = 2048;
constexpr size_t kMaxTokenBytes = 4096;
// Of one call: each takes the commit thread some 15 us.
constexpr size_t kMaxStreamsPerCall = 1000;

absl::Status Bad(std::string_view why) { return MakeError(ErrorCode::kBadRequest, why); }

absl::Status BadSubscription(std::string_view why) {
  return MakeError(ErrorCode::kInvalidSubscription, why);
}

bool HasControls(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

absl::Status CheckContentType(std::string_view content_type) {
  if (content_type.empty() || IsValidContentType(content_type)) return absl::OkStatus();
  return Bad("Content-Type is not a media type");
}

// HEAD gives the text back, so it has to be what it says it is.
absl::Status CheckLifetime(const Lifetime& lifetime) {
  if (!lifetime.expires_at) return absl::OkStatus();
  if (lifetime.ttl_seconds) return Bad("Stream-TTL and Stream-Expires-At exclude each other");
  const absl::StatusOr<absl::Time> said = ParseTimestamp(lifetime.expires_at_text);
  if (!said.ok()) return said.status();
  if (absl::AbsDuration(*said - *lifetime.expires_at) > absl::Microseconds(1)) {
    return Bad("the expiry differs from its text");
  }
  return absl::OkStatus();
}

absl::Status CheckStreamCount(size_t count) {
  if (count <= kMaxStreamsPerCall) return absl::OkStatus();
  return BadSubscription("one call may name 1,000 streams");
}

absl::Status CheckWake(const SubscriptionCall::WakeReference& wake) {
  if (wake.token.size() > kMaxTokenBytes || wake.wake_id.size() > kMaxTokenBytes) {
    return BadSubscription("the token or wake id is too long");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<absl::Time> ParseTimestamp(std::string_view text) {
  const std::optional<absl::Time> time =
      text.size() <= kMaxTimestampBytes ? ParseRfc3339(text) : std::nullopt;
  if (!time) return Bad("Stream-Expires-At must be an RFC 3339 timestamp");
  return *time;
}

absl::Status CheckProducer(const ProducerTag& producer) {
  if (producer.id.empty()) return Bad("Producer-Id must not be empty");
  if (producer.id.size() > kMaxProducerIdBytes) return Bad("Producer-Id is too long");
  if (HasControls(producer.id)) return Bad("Producer-Id has control characters");
  if (producer.epoch > kMaxSafeInteger || producer.seq > kMaxSafeInteger) {
    return Bad("Producer-Epoch and Producer-Seq must be integers from 0 to 2^53-1");
  }
  return absl::OkStatus();
}

absl::Status CheckRequest(const CreateRequest& request) {
  const std::string& path = request.path;
  if (static_cast<size_t>(std::count(path.begin(), path.end(), '/')) >= kMaxPathSegments) {
    return MakeError(ErrorCode::kInvalidPath, "the path of a stream may have 128 segments at most");
  }
  const absl::Status status = CheckContentType(request.content_type);
  return status.ok() ? CheckLifetime(request.lifetime) : status;
}

absl::Status CheckRequest(const AppendRequest& request) {
  if (request.stream_seq) {
    const std::string& seq = *request.stream_seq;
    if (seq.empty()) return Bad("Stream-Seq must not be empty");
    if (seq.size() > kMaxStreamSeqBytes) return Bad("Stream-Seq is too long");
    if (HasControls(seq)) return Bad("Stream-Seq has control characters");
  }
  return request.producer ? CheckProducer(*request.producer) : absl::OkStatus();
}

absl::Status CheckRequest(const SubscriptionCall& call) {
  using Call = SubscriptionCall;
  const bool about_keys = std::holds_alternative<Call::SigningKeys>(call.operation) ||
                          std::holds_alternative<Call::RotateSigningKey>(call.operation);
  if (!about_keys && (call.id.empty() || call.id.size() > kMaxSubscriptionIdBytes ||
                      call.id.find('/') != call.id.npos || HasControls(call.id))) {
    return BadSubscription(
        "the id must have 1 to 256 bytes, without slashes and control characters");
  }
  if (const auto* const put = std::get_if<Call::Put>(&call.operation)) {
    const absl::Status few = CheckStreamCount(put->config.streams.size());
    if (!few.ok()) return few;
    if (put->base_url.size() > kMaxUrlBytes || HasControls(put->base_url)) {
      return BadSubscription("the server's URL is not acceptable");
    }
  }
  if (const auto* const claim = std::get_if<Call::Claim>(&call.operation)) {
    if (claim->worker.size() > kMaxWorkerBytes || HasControls(claim->worker)) {
      return BadSubscription("worker may have 1,024 bytes, without control characters");
    }
  }
  if (const auto* const add = std::get_if<Call::AddStreams>(&call.operation)) {
    return CheckStreamCount(add->paths.size());
  }
  if (const auto* const ack = std::get_if<Call::Ack>(&call.operation)) {
    const absl::Status few = CheckStreamCount(ack->acks.size());
    return few.ok() ? CheckWake(ack->wake) : few;
  }
  if (const auto* const release = std::get_if<Call::Release>(&call.operation)) {
    return CheckWake(release->wake);
  }
  return absl::OkStatus();
}

}  // namespace ds

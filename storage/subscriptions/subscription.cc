#include "storage/subscriptions/subscription.h"

#include <algorithm>
#include <utility>

#include "storage/api/errors.h"

namespace ds {
namespace {

constexpr size_t kMaxIdBytes = 256;
constexpr size_t kMaxDescriptionBytes = 4096;
constexpr uint64_t kMinLeaseMs = 1'000;
constexpr uint64_t kMaxLeaseMs = 600'000;
constexpr absl::Duration kFirstRetry = absl::Seconds(1);
constexpr absl::Duration kLongestRetry = absl::Seconds(60);
constexpr double kJitter = 0.2;

absl::Status Invalid(std::string_view why) {
  return MakeError(ErrorCode::kInvalidSubscription, why);
}

absl::Status CheckPath(const StreamPath& path, const std::string& what) {
  if (path.empty()) return Invalid(what + " is empty");
  if (path.is_reserved()) return Invalid(what + " is reserved");
  return absl::OkStatus();
}

absl::Duration LeaseTtl(const SubscriptionConfig& config) {
  return absl::Milliseconds(static_cast<int64_t>(config.lease_ttl_ms));
}

}  // namespace

absl::Status CheckId(std::string_view id) {
  if (id.empty() || id.size() > kMaxIdBytes) return Invalid("the id must have 1 to 256 bytes");
  for (const char c : id) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '/') {
      return Invalid("the id must not have slashes or control characters");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckConfig(const SubscriptionConfig& config) {
  if (config.pattern.empty() && config.streams.empty()) {
    return Invalid("at least one of pattern and streams is required");
  }
  absl::Status status;
  const std::string& pattern = config.pattern.text();
  if (pattern == "__ds" || pattern.starts_with("__ds/")) status = Invalid("pattern is reserved");
  for (const StreamPath& path : config.streams) {
    if (status.ok()) status = CheckPath(path, "an entry of streams");
  }
  if (status.ok() && config.type == SubscriptionType::kPullWake) {
    status = CheckPath(config.wake_stream, "wake_stream");
    if (config.wake_stream == kRegistryPath) {
      return Invalid("wake_stream must not be the registry, which the server alone writes");
    }
    if (std::find(config.streams.begin(), config.streams.end(), config.wake_stream) !=
        config.streams.end()) {
      return Invalid("wake_stream must not be one of streams: each wake would cause the next");
    }
  }
  if (!status.ok()) return status;
  if (config.lease_ttl_ms < kMinLeaseMs || config.lease_ttl_ms > kMaxLeaseMs) {
    return Invalid("lease_ttl_ms must be from 1000 to 600000");
  }
  if (config.description && config.description->size() > kMaxDescriptionBytes) {
    return Invalid("the description is longer than 4096 bytes");
  }
  return absl::OkStatus();
}

void Normalize(SubscriptionConfig& config) {
  std::sort(config.streams.begin(), config.streams.end());
  config.streams.erase(std::unique(config.streams.begin(), config.streams.end()),
                       config.streams.end());
}

void IssueWake(const SubscriptionConfig& config, std::string wake_id, absl::Time now,
               SubscriptionState& state) {
  ++state.generation;
  state.wake_id = std::move(wake_id);
  state.due = false;
  state.delivered = false;
  state.holder.clear();
  state.lease_ends =
      config.type == SubscriptionType::kWebhook ? now + LeaseTtl(config) : absl::InfiniteFuture();
}

void Claim(const SubscriptionConfig& config, std::string worker, absl::Time now,
           SubscriptionState& state) {
  state.holder = std::move(worker);
  RenewLease(config, now, state);
}

absl::Status CheckWake(const SubscriptionState& state, uint64_t token_generation,
                       const SubscriptionCall::WakeReference& wake) {
  if (!state.woken() || token_generation != state.generation ||
      wake.generation != state.generation || wake.wake_id != state.wake_id) {
    return MakeError(ErrorCode::kFenced);
  }
  return absl::OkStatus();
}

void RenewLease(const SubscriptionConfig& config, absl::Time now, SubscriptionState& state) {
  state.lease_ends = now + LeaseTtl(config);
}

void EndWake(SubscriptionState& state) {
  state.wake_id.clear();
  state.holder.clear();
  state.lease_ends = absl::InfiniteFuture();
  state.delivered = false;
}

void NoteDelivered(SubscriptionState& state) {
  state.delivered = true;
  state.failures = 0;
  state.next_attempt = absl::InfinitePast();
}

void NoteFailed(double jitter, absl::Time now, SubscriptionState& state) {
  absl::Duration delay = kFirstRetry;
  for (uint32_t i = 0; i < state.failures && delay < kLongestRetry; ++i) delay *= 2;
  delay = std::min(delay, kLongestRetry);
  ++state.failures;
  state.next_attempt = now + delay * (1 + kJitter * std::clamp(jitter, -1.0, 1.0));
}

absl::Time NextDelivery(const SubscriptionConfig& config, const SubscriptionState& state) {
  if (config.type != SubscriptionType::kWebhook || !state.woken() || state.delivered) {
    return absl::InfiniteFuture();
  }
  return state.next_attempt;
}

uint64_t AckedPosition(const std::optional<Offset>& acked, const Lineage& lineage, uint64_t tail) {
  uint64_t position = 0;
  if (!acked || !lineage.Resolve(*acked, tail, position).ok()) return 0;
  return position;
}

}  // namespace ds

#include "storage/subscriptions/subscription.h"

#include <algorithm>
#include <utility>

#include "storage/api/errors.h"

namespace ds {
namespace {

constexpr size_t kMaxIdBytes = 256;
constexpr size_t kMaxPathBytes = 2048;
constexpr size_t kMaxDescriptionBytes = 4096;
constexpr uint64_t kMinLeaseMs = 1'000;
constexpr uint64_t kMaxLeaseMs = 600'000;
constexpr absl::Duration kFirstRetry = absl::Seconds(1);
constexpr absl::Duration kLongestRetry = absl::Seconds(60);
constexpr double kJitter = 0.2;

absl::Status Invalid(std::string_view why) {
  return MakeError(ErrorCode::kInvalidSubscription, why);
}

absl::Status CheckPath(std::string_view path, std::string_view what) {
  const std::string name(what);
  if (path.empty()) return Invalid(name + " is empty");
  if (path.size() > kMaxPathBytes) return Invalid(name + " is too long");
  if (path == "__ds" || path.starts_with("__ds/")) return Invalid(name + " is reserved");
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return Invalid(name + " has control characters");
  }
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
  if (!config.pattern.empty()) status = CheckPath(config.pattern, "pattern");
  for (const std::string& path : config.streams) {
    if (status.ok()) status = CheckPath(path, "an entry of streams");
  }
  if (status.ok() && config.type == SubscriptionType::kPullWake) {
    status = CheckPath(config.wake_stream, "wake_stream");
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

std::string NormalizePath(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return std::string(path);
}

void Normalize(SubscriptionConfig& config) {
  config.pattern = NormalizePath(config.pattern);
  config.wake_stream = NormalizePath(config.wake_stream);
  for (std::string& path : config.streams) path = NormalizePath(path);
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

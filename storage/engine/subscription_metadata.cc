#include "storage/engine/subscription_metadata.h"

#include <utility>

#include "openssl/sha.h"
#include "storage/engine/subscriptions.pb.h"

namespace ds {
namespace {

namespace pb = durablestreams::engine::v1;

void SetConfig(const SubscriptionConfig& config, pb::SubscriptionMetadata& out) {
  out.set_pull_wake(config.type == SubscriptionType::kPullWake);
  out.set_pattern(config.pattern.text());
  out.set_webhook_url(config.webhook_url);
  out.set_wake_stream(config.wake_stream.text());
  out.set_lease_ttl_ms(config.lease_ttl_ms);
  if (config.description) out.set_description(*config.description);
}

}  // namespace

std::string HashConfig(const SubscriptionConfig& config) {
  pb::SubscriptionMetadata canonical;
  SetConfig(config, canonical);
  // Fields in the order of their numbers: no maps, so one encoding. Every path ends with a zero.
  std::string text = canonical.SerializeAsString();
  for (const StreamPath& path : config.streams) text.append(path.text()).push_back('\0');
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

std::string EncodeSubscription(const SubscriptionRecord& record) {
  const SubscriptionState& state = record.state;
  pb::SubscriptionMetadata out;
  SetConfig(record.config, out);
  out.set_pattern_parts(true);
  out.set_generation(state.generation);
  out.set_config_hash(record.config_hash);
  out.set_base_url(record.base_url);
  out.set_created_at_unix_nanos(absl::ToUnixNanos(record.created_at));
  out.set_wake_id(state.wake_id);
  out.set_holder(state.holder);
  if (state.lease_ends != absl::InfiniteFuture()) {
    out.set_lease_ends_unix_nanos(absl::ToUnixNanos(state.lease_ends));
  }
  out.set_due(state.due);
  out.set_delivered(state.delivered);
  out.set_failures(state.failures);
  if (state.next_attempt != absl::InfinitePast()) {
    out.set_next_attempt_unix_nanos(absl::ToUnixNanos(state.next_attempt));
  }
  return out.SerializeAsString();
}

std::string EncodeDeletedSubscription(uint64_t generation) {
  pb::SubscriptionMetadata out;
  out.set_deleted(true);
  out.set_generation(generation);
  return out.SerializeAsString();
}

bool DecodeSubscription(std::string_view value, SubscriptionRecord& record, bool& deleted) {
  pb::SubscriptionMetadata in;
  if (!in.ParseFromArray(value.data(), static_cast<int>(value.size()))) return false;
  deleted = in.deleted();
  record.state = {.generation = in.generation()};
  record.config = {
      .type = in.pull_wake() ? SubscriptionType::kPullWake : SubscriptionType::kWebhook,
      .pattern = PathPattern::FromStore(in.pattern(), in.pattern_parts()),
      .webhook_url = in.webhook_url(),
      .wake_stream = StreamPath::FromStore(in.wake_stream()),
      .lease_ttl_ms = in.lease_ttl_ms()};
  if (in.has_description()) record.config.description = in.description();
  record.config_hash = in.config_hash();
  record.base_url = in.base_url();
  record.created_at = absl::FromUnixNanos(in.created_at_unix_nanos());
  record.state.wake_id = in.wake_id();
  record.state.holder = in.holder();
  if (in.has_lease_ends_unix_nanos()) {
    record.state.lease_ends = absl::FromUnixNanos(in.lease_ends_unix_nanos());
  }
  record.state.due = in.due();
  record.state.delivered = in.delivered();
  record.state.failures = in.failures();
  if (in.has_next_attempt_unix_nanos()) {
    record.state.next_attempt = absl::FromUnixNanos(in.next_attempt_unix_nanos());
  }
  return true;
}

std::string EncodeLink(const LinkState& link) {
  pb::SubscriptionLinkMetadata out;
  out.set_explicit_link(link.by_request);
  out.set_pattern_link(link.by_pattern);
  if (link.acked) {
    out.set_acked_stream_id(link.acked->incarnation);
    out.set_acked_position(link.acked->position);
  }
  return out.SerializeAsString();
}

bool DecodeLink(std::string_view value, LinkState& link) {
  pb::SubscriptionLinkMetadata in;
  if (!in.ParseFromArray(value.data(), static_cast<int>(value.size()))) return false;
  link = {.by_request = in.explicit_link(), .by_pattern = in.pattern_link()};
  if (in.has_acked_stream_id()) link.acked = Offset{in.acked_stream_id(), in.acked_position()};
  return true;
}

std::string EncodeSigningKeys(const KeyRing& ring) {
  pb::SigningKeys out;
  for (const KeyRing::Entry& entry : ring.entries()) {
    pb::SigningKeyMetadata& key = *out.add_signing_keys();
    key.set_seed(entry.key.seed());
    if (entry.replaced_at != absl::InfiniteFuture()) {
      key.set_replaced_at_unix_nanos(absl::ToUnixNanos(entry.replaced_at));
    }
  }
  return out.SerializeAsString();
}

absl::StatusOr<KeyRing> DecodeSigningKeys(std::string_view value) {
  pb::SigningKeys in;
  if (!in.ParseFromArray(value.data(), static_cast<int>(value.size())) ||
      in.signing_keys_size() == 0) {
    return absl::DataLossError("the signing keys cannot be read");
  }
  std::vector<KeyRing::Entry> entries;
  for (const pb::SigningKeyMetadata& stored : in.signing_keys()) {
    absl::StatusOr<SigningKey> key = SigningKey::FromSeed(stored.seed());
    if (!key.ok()) return key.status();
    KeyRing::Entry entry{*std::move(key)};
    if (stored.has_replaced_at_unix_nanos()) {
      entry.replaced_at = absl::FromUnixNanos(stored.replaced_at_unix_nanos());
    }
    entries.push_back(std::move(entry));
  }
  return KeyRing(std::move(entries));
}

}  // namespace ds

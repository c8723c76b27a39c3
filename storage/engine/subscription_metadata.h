#ifndef STORAGE_ENGINE_SUBSCRIPTION_METADATA_H_
#define STORAGE_ENGINE_SUBSCRIPTION_METADATA_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/subscriptions/signing_keys.h"
#include "storage/subscriptions/subscription.h"

namespace ds {

// A stream of a subscription.
struct LinkState {
  bool by_request = false;  // explicitly
  bool by_pattern = false;
  std::optional<Offset> acked;
};

// What is kept of one subscription, without its links.
struct SubscriptionRecord {
  std::string id;
  SubscriptionConfig config;  // without `streams`
  std::string config_hash;
  std::string base_url;
  absl::Time created_at;
  SubscriptionState state;
};

// The hash that tells whether a repeated creation asks for the same (section 6.2).
std::string HashConfig(const SubscriptionConfig& config);

// Values of the family `subscriptions`. A deleted subscription is its generation alone.
std::string EncodeSubscription(const SubscriptionRecord& record);
std::string EncodeDeletedSubscription(uint64_t generation);
// False when damaged. `deleted` tells that only state.generation is meant.
bool DecodeSubscription(std::string_view value, SubscriptionRecord& record, bool& deleted);

std::string EncodeLink(const LinkState& link);
bool DecodeLink(std::string_view value, LinkState& link);

std::string EncodeSigningKeys(const KeyRing& ring);
// Errors: DataLoss.
absl::StatusOr<KeyRing> DecodeSigningKeys(std::string_view value);

}  // namespace ds

#endif  // STORAGE_ENGINE_SUBSCRIPTION_METADATA_H_

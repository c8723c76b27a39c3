#ifndef STORAGE_SUBSCRIPTIONS_TOKENS_H_
#define STORAGE_SUBSCRIPTIONS_TOKENS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace ds {

// The bearer tokens of wakes and claims (section 12.9): JWTs signed with HMAC-SHA-256, good for one
// generation of one subscription. Immutable; thread-safe.
class WakeTokens {
 public:
  static constexpr size_t kSecretBytes = 32;
  // How long a token can be used. Leases are renewed more often; this bounds the use of a stolen
  // token of a wake that nobody ends.
  static constexpr absl::Duration kLifetime = absl::Hours(24);

  // `secret` has kSecretBytes and is the same after a restart.
  explicit WakeTokens(std::string secret) : secret_(std::move(secret)) {}

  std::string Make(std::string_view subscription_id, uint64_t generation, absl::Time now) const;

  // Reads the generation that the token is for. Errors: kTokenInvalid for one that this server did
  // not make for this subscription, kTokenExpired.
  absl::Status Check(std::string_view token, std::string_view subscription_id, absl::Time now,
                     uint64_t& generation) const;

 private:
  std::string Signature(std::string_view text) const;

  const std::string secret_;
};

}  // namespace ds

#endif  // STORAGE_SUBSCRIPTIONS_TOKENS_H_

#ifndef STORAGE_SUBSCRIPTIONS_SIGNING_KEYS_H_
#define STORAGE_SUBSCRIPTIONS_SIGNING_KEYS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/api/subscriptions.h"

namespace ds {

// An Ed25519 key that signs webhooks (section 6.5). A value.
class SigningKey {
 public:
  static constexpr size_t kSeedBytes = 32;

  static SigningKey Generate();
  // From what `seed` gave. Errors: DataLoss.
  static absl::StatusOr<SigningKey> FromSeed(std::string seed);

  // The private key; to be kept secret.
  const std::string& seed() const { return seed_; }
  const PublicKey& public_key() const { return public_key_; }

  // The header Webhook-Signature of a delivery: the signature is over the time, a dot and the exact
  // bytes of the body (section 7.1).
  std::string SignWebhook(std::string_view body, absl::Time now) const;

 private:
  SigningKey() = default;

  std::string seed_;
  PublicKey public_key_;
};

// The signing keys of a server: the newest signs; those that it replaced stay published until what
// they signed is outside of every receiver's replay window. Not thread-safe.
class KeyRing {
 public:
  struct Entry {
    SigningKey key;
    absl::Time replaced_at = absl::InfiniteFuture();
  };
  // Receivers are told to accept five minutes; caches of the key set and clocks get the rest.
  static constexpr absl::Duration kPublishedAfterwards = absl::Hours(1);

  // REQUIRES: `entries` is not empty; the newest is first.
  explicit KeyRing(std::vector<Entry> entries) : entries_(std::move(entries)) {}

  const SigningKey& current() const { return entries_.front().key; }
  const std::vector<Entry>& entries() const { return entries_; }
  // What is published at `now`; the current one first.
  std::vector<PublicKey> Published(absl::Time now) const;
  // This ring with a new key in front, and without those that need not be published any more.
  KeyRing Rotated(SigningKey key, absl::Time now) const;

 private:
  std::vector<Entry> entries_;
};

}  // namespace ds

#endif  // STORAGE_SUBSCRIPTIONS_SIGNING_KEYS_H_

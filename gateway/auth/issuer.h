#ifndef GATEWAY_AUTH_ISSUER_H_
#define GATEWAY_AUTH_ISSUER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/http_client.h"
#include "base/unique_function.h"
#include "gateway/auth/config.h"
#include "gateway/auth/jwt.h"

namespace ds::auth {

// An issuer of tokens and the keys that it is known to sign with. Thread-safe.
class Issuer : public std::enable_shared_from_this<Issuer> {
 public:
  // Reads keys that are in files. Keys that come by URL are nullptr until they were fetched. Both
  // references must outlive the object. `generation` is counted up when the keys become others.
  // Errors: InvalidArgument.
  static absl::StatusOr<std::shared_ptr<Issuer>> Make(
      IssuerConfig config, HttpClient& client, Clock& clock,
      std::shared_ptr<std::atomic<uint64_t>> generation);

  const IssuerConfig& config() const { return config_; }
  std::shared_ptr<const VerificationKeys> keys() const;

  // Whether the keys may be fetched anew for a token whose key is not among them: not again at
  // once, or tokens with invented keys would become requests to the issuer.
  bool MayRefresh() const;
  // Whether they are old.
  bool IsDue() const;
  // Fetches the keys, unless that is under way; `done` is called when it is over.
  void Refresh(UniqueFunction<void()> done);

 private:
  Issuer(IssuerConfig config, HttpClient& client, Clock& clock,
         std::shared_ptr<std::atomic<uint64_t>> generation)
      : config_(std::move(config)),
        client_(client),
        clock_(clock),
        generation_(std::move(generation)) {}
  void Fetched(const HttpClient::Response& response);

  const IssuerConfig config_;
  HttpClient& client_;
  Clock& clock_;
  const std::shared_ptr<std::atomic<uint64_t>> generation_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::shared_ptr<const VerificationKeys> keys_;
  std::string fetched_;  // what they were read from
  bool fetching_ = false;
  absl::Time fetched_at_ = absl::InfinitePast();
  absl::Time asked_at_ = absl::InfinitePast();
  std::vector<UniqueFunction<void()>> waiting_;
};

}  // namespace ds::auth

#endif  // GATEWAY_AUTH_ISSUER_H_

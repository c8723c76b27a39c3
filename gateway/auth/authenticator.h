#ifndef GATEWAY_AUTH_AUTHENTICATOR_H_
#define GATEWAY_AUTH_AUTHENTICATOR_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/http_client.h"
#include "gateway/auth/config.h"
#include "gateway/auth/jwt.h"
#include "gateway/auth/principal.h"
#include "gateway/auth/signed_url.h"

namespace ds::auth {

class Issuer;

// Tells who a request comes from: by its bearer token, which is an API key or a JWT of a configured
// issuer, or by the signature of its URL; and signs such URLs.
// The keys of issuers that publish them by URL are fetched in the background, kept, and fetched
// anew when a token names one that is not known. Verified tokens are remembered until they expire
// or the configuration changes. Thread-safe.
class Authenticator {
 public:
  // Reads the file that --auth-config names. `client` fetches keys; both must outlive the object.
  // Errors: InvalidArgument.
  static absl::StatusOr<std::unique_ptr<Authenticator>> Load(const std::string& file,
                                                             HttpClient& client, Clock& clock);

  // Reads it again, and the files that it names. On an error what was there stays in force.
  absl::Status Reload();
  // The file and all that it depends on.
  std::vector<std::string> files() const;
  // Those of them that hold secrets, the file itself left out.
  std::vector<std::string> secret_files() const;

  // The principal of a bearer token; an empty one stands for none. Errors: kUnauthenticated with a
  // reason that holds no part of the token; kOverloaded while the keys of the token's issuer have
  // never been fetched. Sets `*refresh` when the token's key is not known, to the issuer whose keys
  // are worth a Refresh.
  absl::StatusOr<PrincipalPtr> Authenticate(std::string_view token,
                                            std::shared_ptr<Issuer>* refresh = nullptr);
  // The principal of a signed URL of the stream at `path`; `query` is the request's. Its rights are
  // those that the URL grants, as far as who had it signed with an API key still has them. Errors:
  // kUrlSignatureInvalid, kUrlExpired, with a reason that holds no part of the URL.
  absl::StatusOr<PrincipalPtr> AuthenticateUrl(const QueryParameters& query,
                                               const StreamPath& path) const;

  struct SignedGrant {
    std::string query;  // to put behind the `?` of the stream's URL
    absl::Time expires;
  };
  // Signs it on behalf of `signer`, who was found to be allowed to do all of it
  // (Admission::AdmitAll). Errors: kForbidden: `signer` is anonymous or a signed URL, or no keys
  // are configured.
  absl::StatusOr<SignedGrant> SignUrl(const Principal& signer, const UrlWish& wish) const;

  // Fetches the issuer's keys, at most every few seconds; `done` is called when that is over, on
  // any thread.
  void Refresh(const std::shared_ptr<Issuer>& issuer, UniqueFunction<void()> done);

  // Fetches the keys that are due. To be called now and then.
  void Tick();

  // Becomes another number whenever what Authenticate says of a token may change, but for its own
  // end: with another configuration, and with other keys of an issuer.
  uint64_t generation() const { return generation_->load(std::memory_order_acquire); }

 private:
  struct Loaded;

  Authenticator(std::string file, HttpClient& client, Clock& clock)
      : file_(std::move(file)), client_(client), clock_(clock) {}

  absl::StatusOr<PrincipalPtr> AuthenticateJwt(const Loaded& loaded, std::string_view token,
                                               std::shared_ptr<Issuer>* refresh);
  std::shared_ptr<const Loaded> loaded() const;

  const std::string file_;
  HttpClient& client_;
  Clock& clock_;

  // Shared with issuers, whose keys may still be on their way when the object goes.
  const std::shared_ptr<std::atomic<uint64_t>> generation_ =
      std::make_shared<std::atomic<uint64_t>>(1);

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::shared_ptr<const Loaded> loaded_;
  uint64_t verified_generation_ = 0;                        // of what is in verified_
  std::unordered_map<std::string, PrincipalPtr> verified_;  // by the token's hash
};

}  // namespace ds::auth

#endif  // GATEWAY_AUTH_AUTHENTICATOR_H_

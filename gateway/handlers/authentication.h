#ifndef GATEWAY_HANDLERS_AUTHENTICATION_H_
#define GATEWAY_HANDLERS_AUTHENTICATION_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/task.h"
#include "gateway/auth/authenticator.h"
#include "gateway/auth/credential.h"
#include "gateway/handlers/cross_site.h"
#include "gateway/handlers/request_context.h"

namespace ds {

// Finds out who a request comes from, by the credential that it shows: a bearer token, HTTP Basic
// with one as password, a signed URL; and whether it may rest on what browsers add by themselves.
// What they may do is asked elsewhere (admission.h). Thread-safe; runs on the thread of the
// request's exchange.
class Authentication {
 public:
  struct Options {
    // Whether a 401 offers Basic beside Bearer, so that browsers ask their user for a key when a
    // link is opened. They also ask when a page's fetch meets one, which pages do not want.
    bool basic_challenge = false;
    // Whether the request's cookies say who it is from, to the external check.
    bool takes_cookies = false;
    // Whose pages may have browsers add such things to what changes something, beside this server's
    // own; and the URL of that.
    std::vector<std::string> trusted_origins;
    std::string public_url;
  };

  // The authenticator must outlive the object; nullptr: only somebody else knows who they are.
  Authentication(auth::Authenticator* authenticator, const Options& options)
      : authenticator_(authenticator),
        options_(options),
        cross_site_(options.trusted_origins, options.public_url) {}

  // Whether Identify has to be called.
  bool on() const { return authenticator_ != nullptr || options_.takes_cookies; }
  // Sets the context's principal and client, where there is an authenticator. Errors:
  // kUnauthenticated, kUrlExpired, kUrlSignatureInvalid, kBadRequest (two credentials),
  // kCrossSiteRequest, kOverloaded.
  Task<absl::Status> Identify(RequestContext& context) const;
  // Who a live read is from by now, whose credential Identify has kept. Errors: as of Identify.
  absl::StatusOr<auth::PrincipalPtr> IdentifyAgain(const RequestContext& context) const;
  // What a 401 says of the credentials that are accepted; `refused`: those that came are not good.
  void AddChallenges(RequestContext& context, bool refused) const;

 private:
  Task<absl::StatusOr<auth::PrincipalPtr>> Authenticate(RequestContext& context,
                                                        const auth::Credential& credential) const;
  bool ComesFromHere(const RequestContext& context, const auth::Credential& credential) const;

  auth::Authenticator* const authenticator_;
  const Options options_;
  const CrossSiteCheck cross_site_;
};

}  // namespace ds

#endif  // GATEWAY_HANDLERS_AUTHENTICATION_H_

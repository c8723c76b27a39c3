#ifndef GATEWAY_AUTH_PRINCIPAL_H_
#define GATEWAY_AUTH_PRINCIPAL_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "gateway/auth/rules.h"

namespace ds::auth {

// On whose behalf a request comes. Immutable.
struct Principal {
  std::string name;  // for limits and logs: "key:billing", "jwt:ISSUER:SUBJECT", "anonymous"
  // Names the credential, without telling of it, in the URLs that it has signed: "key:" or "jwt:"
  // and 16 hex digits. Empty: it signs none.
  std::string id;
  bool anonymous = false;
  // Of a signed URL: who had it signed, whose rights bound it; nullptr when that is not known.
  bool is_signed_url = false;
  std::shared_ptr<const Principal> signer;
  RuleSet rules;
  absl::Time expires = absl::InfiniteFuture();

  bool Allows(Permission permission, const StreamPath& path) const {
    return rules.Allows(permission, path) && (!signer || signer->Allows(permission, path));
  }
  bool Sees(const StreamPath& path) const {
    return rules.Sees(path) && (!signer || signer->Sees(path));
  }
  bool AllowsPattern(Permission permission, const PathPattern& pattern) const {
    return rules.AllowsPattern(permission, pattern) &&
           (!signer || signer->AllowsPattern(permission, pattern));
  }
};
using PrincipalPtr = std::shared_ptr<const Principal>;

}  // namespace ds::auth

#endif  // GATEWAY_AUTH_PRINCIPAL_H_

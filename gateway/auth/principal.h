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
  bool anonymous = false;
  RuleSet rules;
  absl::Time expires = absl::InfiniteFuture();
};
using PrincipalPtr = std::shared_ptr<const Principal>;

}  // namespace ds::auth

#endif  // GATEWAY_AUTH_PRINCIPAL_H_

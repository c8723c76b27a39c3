#ifndef GATEWAY_AUTH_CONFIG_H_
#define GATEWAY_AUTH_CONFIG_H_

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "gateway/auth/jwt.h"
#include "gateway/auth/principal.h"

namespace ds::auth {

// One issuer of tokens.
struct IssuerConfig {
  ClaimRules claims;
  // One of the three.
  std::string jwks_url;
  std::string jwks_file;
  std::string key_file;  // one public key in PEM
  absl::Duration jwks_refresh = absl::Minutes(5);
  std::string principal_claim = "sub";
  RuleSet rules;
  // The claim in which tokens bring rules of their own; empty: they may not.
  std::string rules_claim;
};

// The file that --auth-config names; docs/security.md describes it.
struct AuthConfig {
  std::unordered_map<std::string, PrincipalPtr> keys;  // by the SHA-256 of the key, 32 bytes
  std::vector<IssuerConfig> issuers;
  PrincipalPtr anonymous;  // nullptr: credentials are required

  // Every file that the configuration depends on, beside itself.
  std::vector<std::string> files() const;
};

// Errors: InvalidArgument, naming the member. Members that are not known are errors too: a rule
// with a slip must not be taken for none. Relative file names are taken from `folder`.
absl::StatusOr<AuthConfig> ParseAuthConfig(const std::string& json, const std::string& folder);

// Rules as they stand in the file and in tokens: [{"paths": [...], "operations": [...]}].
absl::StatusOr<RuleSet> ParseRules(const nlohmann::json& json);

// The hash under which a key stands in the file.
std::string Sha256(std::string_view text);
// A new key that cannot be guessed.
std::string NewApiKey();

}  // namespace ds::auth

#endif  // GATEWAY_AUTH_CONFIG_H_

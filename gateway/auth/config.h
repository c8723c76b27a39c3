#ifndef GATEWAY_AUTH_CONFIG_H_
#define GATEWAY_AUTH_CONFIG_H_

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "gateway/auth/jwt.h"
#include "gateway/auth/principal.h"
#include "gateway/auth/signed_url.h"

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

// What signs URLs, and what verifies them.
struct UrlSigning {
  // All of them verify, the first signs. Empty: URLs are neither signed nor verified.
  std::vector<UrlKey> keys;
  // The files that hold secrets, of the keys with one; where they are, their secrets are still
  // empty until ReadUrlSecrets has been called.
  std::unordered_map<std::string, std::string> secret_files;  // by the key's id
  absl::Duration max_lifetime = absl::Hours(7 * 24);          // of a URL that is signed

  const UrlKey* Find(std::string_view id) const;
};

// The file that --auth-config names; docs/security.md describes it.
struct AuthConfig {
  std::unordered_map<std::string, PrincipalPtr> keys;  // by the SHA-256 of the key, 32 bytes
  std::vector<IssuerConfig> issuers;
  PrincipalPtr anonymous;  // nullptr: credentials are required
  UrlSigning url_signing;

  // Every file that the configuration depends on, beside itself.
  std::vector<std::string> files() const;
};

// Errors: InvalidArgument, naming the member. Members that are not known are errors too: a rule
// with a slip must not be taken for none. Relative file names are taken from `folder`.
absl::StatusOr<AuthConfig> ParseAuthConfig(const std::string& json, const std::string& folder);

// Reads the secrets that are in files. Errors: InvalidArgument, naming the file.
absl::Status ReadUrlSecrets(UrlSigning& signing);
// Reads and parses the file, and the secrets that it names. Errors: InvalidArgument, naming the
// file.
absl::StatusOr<AuthConfig> LoadAuthConfig(const std::string& file);
// The whole of a file. Errors: InvalidArgument, naming it.
absl::StatusOr<std::string> ReadTextFile(const std::string& name);

// Rules as they stand in the file and in tokens: [{"paths": [...], "operations": [...]}].
absl::StatusOr<RuleSet> ParseRules(const nlohmann::json& json);

// The hash under which a key stands in the file.
std::string Sha256(std::string_view text);
// Principal::id of a credential with this hash, 32 bytes; `kind` is "key" or "jwt".
std::string CredentialId(std::string_view kind, std::string_view hash);
// New ones that cannot be guessed.
std::string NewApiKey();
std::string NewUrlSecret();

}  // namespace ds::auth

#endif  // GATEWAY_AUTH_CONFIG_H_

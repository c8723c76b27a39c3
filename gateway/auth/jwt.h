#ifndef GATEWAY_AUTH_JWT_H_
#define GATEWAY_AUTH_JWT_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "openssl/evp.h"

namespace ds::auth {

// The signature algorithms of RFC 7518 and RFC 8037 that are accepted; each goes with one kind of
// key, so a token cannot choose what its key is taken for.
enum class Algorithm { kRs256, kEs256, kEdDsa };

// A public key that signs tokens.
struct VerificationKey {
  std::string id;  // `kid`; may be empty
  Algorithm algorithm;
  std::shared_ptr<EVP_PKEY> key;
};
using VerificationKeys = std::vector<VerificationKey>;

// The keys of a JWK Set (RFC 7517) that can verify one of the algorithms: RSA from 2048 bits,
// P-256, Ed25519. Others are left out. Errors: InvalidArgument when it is no JWK Set.
absl::StatusOr<VerificationKeys> ParseJwks(std::string_view json);
// The one public key in a PEM file's text (SubjectPublicKeyInfo). Errors: InvalidArgument.
absl::StatusOr<VerificationKey> ParsePublicKeyPem(const std::string& pem);

// A token (RFC 7519, in the compact serialization of RFC 7515) taken apart; nothing in it is
// verified yet.
struct Jwt {
  Algorithm algorithm;
  std::string key_id;  // empty: not given
  nlohmann::json claims;
  std::string_view signed_part;  // points into the text that was parsed
  std::string signature;
};
// Errors: Unauthenticated, with the reason; no reason holds a part of the token.
absl::StatusOr<Jwt> ParseJwt(std::string_view token);

// Whether one of the keys made the signature: those of the token's `kid` if it has one.
enum class Verdict { kGood, kBad, kUnknownKey };
Verdict VerifySignature(const Jwt& jwt, const VerificationKeys& keys);

struct ClaimRules {
  std::string issuer;
  std::string audience;  // empty: not looked at
  absl::Duration clock_skew = absl::Seconds(60);
};
// Judges `iss`, `aud`, `exp`, which is required, `nbf` and `iat`; returns when the token ends.
// Errors: Unauthenticated, with the reason.
absl::StatusOr<absl::Time> CheckClaims(const nlohmann::json& claims, const ClaimRules& rules,
                                       absl::Time now);

}  // namespace ds::auth

#endif  // GATEWAY_AUTH_JWT_H_

#include "gateway/auth/jwt.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/base64url.h"
#include "base/bounded_json.h"
#include "openssl/bio.h"
#include "openssl/core_names.h"
#include "openssl/ecdsa.h"
#include "openssl/err.h"
#include "openssl/param_build.h"
#include "openssl/pem.h"

namespace ds::auth {
namespace {

constexpr size_t kMaxTokenBytes = 32 << 10;
// Of the header and of the claims, which may bring rules.
constexpr JsonBounds kTokenBounds{.max_bytes = kMaxTokenBytes, .max_depth = 8, .max_values = 2'000};
constexpr int kMinRsaBits = 2048;
constexpr size_t kCoordinateBytes = 32;  // of P-256, and of Ed25519 keys
constexpr size_t kSignatureBytes = 64;   // of ES256 and Ed25519

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <typename T, auto Free>
using Owned = std::unique_ptr<T, Freer<Free>>;

absl::Status Bad(std::string_view reason) {
  return absl::UnauthenticatedError(absl::string_view(reason.data(), reason.size()));
}

// Base64url without padding and without anything beside its alphabet (RFC 7515 section 2).
std::optional<std::string> Decode(std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  return plain ? FromBase64Url(text) : std::nullopt;
}

std::optional<std::string> DecodeMember(const nlohmann::json& jwk, const char* name) {
  const auto it = jwk.find(name);
  if (it == jwk.end() || !it->is_string()) return std::nullopt;
  return Decode(it->get_ref<const std::string&>());
}

std::string StringMember(const nlohmann::json& json, const char* name) {
  const auto it = json.find(name);
  return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
}

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::shared_ptr<EVP_PKEY> Share(EVP_PKEY* key) {
  return key == nullptr ? nullptr : std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free);
}

std::shared_ptr<EVP_PKEY> FromParameters(const char* type, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
      EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  return Share(key);
}

std::shared_ptr<EVP_PKEY> RsaKey(const nlohmann::json& jwk) {
  const auto n = DecodeMember(jwk, "n");
  const auto e = DecodeMember(jwk, "e");
  if (!n || !e) return nullptr;
  const Owned<BIGNUM, BN_free> modulus(BN_bin2bn(Bytes(*n), static_cast<int>(n->size()), nullptr));
  const Owned<BIGNUM, BN_free> exponent(BN_bin2bn(Bytes(*e), static_cast<int>(e->size()), nullptr));
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  return FromParameters("RSA", builder.get());
}

std::shared_ptr<EVP_PKEY> P256Key(const nlohmann::json& jwk) {
  const auto x = DecodeMember(jwk, "x");
  const auto y = DecodeMember(jwk, "y");
  if (!x || !y || x->size() != kCoordinateBytes || y->size() != kCoordinateBytes) return nullptr;
  const std::string point = "\x04" + *x + *y;  // uncompressed (SEC 1 section 2.3.3)
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  return FromParameters("EC", builder.get());
}

std::shared_ptr<EVP_PKEY> Ed25519Key(const nlohmann::json& jwk) {
  const auto x = DecodeMember(jwk, "x");
  if (!x || x->size() != kCoordinateBytes) return nullptr;
  return Share(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(*x), x->size()));
}

// The algorithm that a key is for, which its kind decides.
std::optional<Algorithm> AlgorithmOf(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA")) {
    if (EVP_PKEY_get_bits(key) < kMinRsaBits) return std::nullopt;
    return Algorithm::kRs256;
  }
  if (EVP_PKEY_is_a(key, "ED25519")) return Algorithm::kEdDsa;
  char group[32] = {};
  if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) == 1 &&
      std::string_view(group) == "prime256v1") {
    return Algorithm::kEs256;
  }
  return std::nullopt;
}

std::string_view AlgorithmName(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kRs256:
      return "RS256";
    case Algorithm::kEs256:
      return "ES256";
    case Algorithm::kEdDsa:
      break;
  }
  return "EdDSA";
}

std::optional<Algorithm> AlgorithmFromName(std::string_view name) {
  for (const Algorithm algorithm : {Algorithm::kRs256, Algorithm::kEs256, Algorithm::kEdDsa}) {
    if (AlgorithmName(algorithm) == name) return algorithm;
  }
  return std::nullopt;
}

std::optional<VerificationKey> ParseJwk(const nlohmann::json& jwk) {
  if (!jwk.is_object()) return std::nullopt;
  const std::string use = StringMember(jwk, "use");
  if (!use.empty() && use != "sig") return std::nullopt;
  const std::string type = StringMember(jwk, "kty");
  const std::string curve = StringMember(jwk, "crv");
  VerificationKey key;
  if (type == "RSA") {
    key.key = RsaKey(jwk);
  } else if (type == "EC" && curve == "P-256") {
    key.key = P256Key(jwk);
  } else if (type == "OKP" && curve == "Ed25519") {
    key.key = Ed25519Key(jwk);
  }
  if (key.key == nullptr) return std::nullopt;
  const std::optional<Algorithm> algorithm = AlgorithmOf(key.key.get());
  const std::string named = StringMember(jwk, "alg");
  if (!algorithm || (!named.empty() && named != AlgorithmName(*algorithm))) return std::nullopt;
  key.algorithm = *algorithm;
  key.id = StringMember(jwk, "kid");
  return key;
}

// From r and s side by side, as tokens have them (RFC 7518 section 3.4), to DER.
std::string DerSignature(std::string_view raw) {
  const Owned<ECDSA_SIG, ECDSA_SIG_free> signature(ECDSA_SIG_new());
  const int half = static_cast<int>(raw.size() / 2);
  ECDSA_SIG_set0(signature.get(), BN_bin2bn(Bytes(raw), half, nullptr),
                 BN_bin2bn(Bytes(raw) + half, half, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  std::string text(reinterpret_cast<const char*>(der), static_cast<size_t>(std::max(size, 0)));
  OPENSSL_free(der);
  return text;
}

bool Verify(const Jwt& jwt, const VerificationKey& key) {
  std::string signature = jwt.signature;
  if (jwt.algorithm != Algorithm::kRs256 && signature.size() != kSignatureBytes) return false;
  if (jwt.algorithm == Algorithm::kEs256) signature = DerSignature(signature);
  const EVP_MD* const digest = jwt.algorithm == Algorithm::kEdDsa ? nullptr : EVP_sha256();
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  const bool good =
      EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.key.get()) == 1 &&
      EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(jwt.signed_part),
                       jwt.signed_part.size()) == 1;
  ERR_clear_error();
  return good;
}

// A NumericDate (RFC 7519 section 2); nullopt when the claim is not there.
absl::StatusOr<std::optional<absl::Time>> TimeClaim(const nlohmann::json& claims,
                                                    const char* name) {
  const auto it = claims.find(name);
  if (it == claims.end()) return std::nullopt;
  constexpr double kMax = 253402300799;  // the end of the year 9999
  if (!it->is_number() || !(std::abs(it->get<double>()) <= kMax)) {
    return Bad(std::string(name) + " is no time");
  }
  return absl::FromUnixMillis(static_cast<int64_t>(it->get<double>() * 1000));
}

bool NamesAudience(const nlohmann::json& claims, const std::string& audience) {
  const auto it = claims.find("aud");
  if (it == claims.end()) return false;
  if (it->is_string()) return it->get_ref<const std::string&>() == audience;
  if (!it->is_array()) return false;
  return std::any_of(it->begin(), it->end(), [&](const nlohmann::json& one) {
    return one.is_string() && one.get_ref<const std::string&>() == audience;
  });
}

}  // namespace

absl::StatusOr<VerificationKeys> ParseJwks(std::string_view json) {
  const nlohmann::json set = ParseBoundedJson(json, {});
  if (!set.is_object() || !set.contains("keys") || !set["keys"].is_array()) {
    return absl::InvalidArgumentError("not a JWK Set");
  }
  VerificationKeys keys;
  for (const nlohmann::json& jwk : set["keys"]) {
    if (std::optional<VerificationKey> key = ParseJwk(jwk)) keys.push_back(*std::move(key));
  }
  return keys;
}

absl::StatusOr<VerificationKey> ParsePublicKeyPem(const std::string& pem) {
  const Owned<BIO, BIO_free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  VerificationKey key;
  key.key = Share(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (key.key == nullptr) return absl::InvalidArgumentError("not a public key in PEM");
  const std::optional<Algorithm> algorithm = AlgorithmOf(key.key.get());
  if (!algorithm) {
    return absl::InvalidArgumentError("the key is not RSA from 2048 bits, P-256 or Ed25519");
  }
  key.algorithm = *algorithm;
  return key;
}

absl::StatusOr<Jwt> ParseJwt(std::string_view token) {
  if (token.size() > kMaxTokenBytes) return Bad("the token is too long");
  const size_t first = token.find('.');
  const size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return Bad("not a signed token");
  }
  const auto header_text = Decode(token.substr(0, first));
  const auto claims_text = Decode(token.substr(first + 1, second - first - 1));
  auto signature = Decode(token.substr(second + 1));
  if (!header_text || !claims_text || !signature) return Bad("a part is not base64url");
  const nlohmann::json header = ParseBoundedJson(*header_text, kTokenBounds);
  Jwt jwt;
  jwt.claims = ParseBoundedJson(*claims_text, kTokenBounds);
  if (!header.is_object() || !jwt.claims.is_object()) return Bad("a part is not a JSON object");
  const std::optional<Algorithm> algorithm = AlgorithmFromName(StringMember(header, "alg"));
  if (!algorithm) return Bad("the algorithm is not RS256, ES256 or EdDSA");
  // Extensions that must be understood (RFC 7515 section 4.1.11): there are none here.
  if (header.contains("crit")) return Bad("the token has critical extensions");
  jwt.algorithm = *algorithm;
  jwt.key_id = StringMember(header, "kid");
  jwt.signed_part = token.substr(0, second);
  jwt.signature = *std::move(signature);
  return jwt;
}

Verdict VerifySignature(const Jwt& jwt, const VerificationKeys& keys) {
  bool known = false;
  for (const VerificationKey& key : keys) {
    if (!jwt.key_id.empty() && !key.id.empty() && key.id != jwt.key_id) continue;
    known = true;
    if (key.algorithm == jwt.algorithm && Verify(jwt, key)) return Verdict::kGood;
  }
  return known ? Verdict::kBad : Verdict::kUnknownKey;
}

absl::StatusOr<absl::Time> CheckClaims(const nlohmann::json& claims, const ClaimRules& rules,
                                       absl::Time now) {
  if (StringMember(claims, "iss") != rules.issuer) return Bad("another issuer");
  if (!rules.audience.empty() && !NamesAudience(claims, rules.audience)) {
    return Bad("another audience");
  }
  const auto expires = TimeClaim(claims, "exp");
  const auto begins = TimeClaim(claims, "nbf");
  const auto issued = TimeClaim(claims, "iat");
  for (const auto& claim : {expires, begins, issued}) {
    if (!claim.ok()) return claim.status();
  }
  if (!*expires) return Bad("the token has no expiry");
  const absl::Time end = **expires + rules.clock_skew;
  if (end <= now) return Bad("the token has expired");
  if (*begins && **begins - rules.clock_skew > now) return Bad("the token is not valid yet");
  if (*issued && **issued - rules.clock_skew > now) return Bad("the token is from the future");
  return end;
}

}  // namespace ds::auth

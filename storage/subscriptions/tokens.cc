#include "storage/subscriptions/tokens.h"

#include "base/base64url.h"
#include "base/bounded_json.h"
#include "nlohmann/json.hpp"
#include "openssl/crypto.h"
#include "openssl/hmac.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

constexpr char kHeader[] = R"({"alg":"HS256","typ":"JWT"})";

absl::Status Invalid() { return MakeError(ErrorCode::kTokenInvalid); }

}  // namespace

std::string WakeTokens::Signature(std::string_view text) const {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size);
  return Base64Url(std::string_view(reinterpret_cast<const char*>(mac), size));
}

std::string WakeTokens::Make(std::string_view subscription_id, uint64_t generation,
                             absl::Time now) const {
  const nlohmann::json claims = {
      {"sub", subscription_id}, {"gen", generation}, {"exp", absl::ToUnixSeconds(now + kLifetime)}};
  const std::string text = Base64Url(kHeader) + "." + Base64Url(claims.dump());
  return text + "." + Signature(text);
}

absl::Status WakeTokens::Check(std::string_view token, std::string_view subscription_id,
                               absl::Time now, uint64_t& generation) const {
  const size_t dot = token.rfind('.');
  if (dot == token.npos) return Invalid();
  const std::string_view text = token.substr(0, dot);
  const std::string expected = Signature(text);
  const std::string_view given = token.substr(dot + 1);
  if (given.size() != expected.size() ||
      CRYPTO_memcmp(given.data(), expected.data(), expected.size()) != 0) {
    return Invalid();
  }
  // From here on it is one of ours, whatever header it claims to have.
  const size_t first = text.find('.');
  const std::optional<std::string> payload =
      first == text.npos ? std::nullopt : FromBase64Url(text.substr(first + 1));
  if (!payload) return Invalid();
  const nlohmann::json claims = ParseBoundedJson(*payload, {});
  if (!claims.is_object() || claims.value("sub", "") != subscription_id) return Invalid();
  generation = claims.value("gen", uint64_t{0});
  if (absl::ToUnixSeconds(now) >= claims.value("exp", int64_t{0})) {
    return MakeError(ErrorCode::kTokenExpired);
  }
  return absl::OkStatus();
}

}  // namespace ds

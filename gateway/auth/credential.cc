#include "gateway/auth/credential.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"

namespace ds::auth {
namespace {

// The rest of `SCHEME REST`, whatever the letter case of the scheme; nullopt for another scheme.
std::optional<std::string_view> AfterScheme(std::string_view authorization,
                                            std::string_view scheme) {
  if (authorization.size() <= scheme.size() || authorization[scheme.size()] != ' ' ||
      !absl::EqualsIgnoreCase(absl::string_view(authorization.data(), scheme.size()),
                              absl::string_view(scheme.data(), scheme.size()))) {
    return std::nullopt;
  }
  authorization.remove_prefix(scheme.size());
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  return authorization;
}

// The password of `user:password` in Base64 (RFC 7617 section 2).
std::optional<std::string> Password(std::string_view encoded) {
  std::string pair;
  if (!absl::Base64Unescape(absl::string_view(encoded.data(), encoded.size()), &pair)) {
    return std::nullopt;
  }
  const size_t colon = pair.find(':');
  if (colon == std::string::npos || colon + 1 == pair.size()) return std::nullopt;
  return pair.substr(colon + 1);
}

}  // namespace

std::string_view BearerToken(std::optional<std::string_view> authorization) {
  if (!authorization) return {};
  return AfterScheme(*authorization, "Bearer").value_or("");
}

Credential Credential::FromAuthorization(std::optional<std::string_view> authorization) {
  Credential credential;
  if (!authorization) return credential;
  credential.token_ = BearerToken(authorization);
  if (!credential.token_.empty()) {
    credential.kind_ = Kind::kBearer;
  } else if (const auto encoded = AfterScheme(*authorization, "Basic")) {
    std::optional<std::string> password = Password(*encoded);
    credential.kind_ = password ? Kind::kBasic : Kind::kMalformed;
    if (password) credential.password_ = *std::move(password);
  }
  return credential;
}

}  // namespace ds::auth

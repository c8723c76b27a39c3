#include "gateway/auth/signed_url.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/base64url.h"
#include "base/percent_encode.h"
#include "openssl/crypto.h"
#include "openssl/evp.h"
#include "openssl/hmac.h"
#include "openssl/sha.h"
#include "storage/api/errors.h"

namespace ds::auth {
namespace {

constexpr std::string_view kPrefix = "ds-";
constexpr std::string_view kVersion = "durable-streams-url-v1";
constexpr size_t kMaxKeyIdBytes = 64;
constexpr size_t kMaxSignerBytes = 128;
// The end of the year 9999.
constexpr int64_t kMaxExpires = 253402300799;

absl::Status Invalid(std::string_view reason) {
  return MakeError(ErrorCode::kUrlSignatureInvalid, reason);
}

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

bool IsNameChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

bool IsSigner(std::string_view text) {
  return !text.empty() && text.size() <= kMaxSignerBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return IsNameChar(c) || c == ':'; });
}

std::optional<int64_t> ParseExpires(std::string_view text) {
  int64_t seconds = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, seconds);
  const bool one_way = text != "0" && (text.empty() || text[0] < '1' || text[0] > '9');
  if (one_way || parsed.ec != std::errc() || parsed.ptr != end || seconds > kMaxExpires) {
    return std::nullopt;
  }
  return seconds;
}

std::optional<std::string> DecodeSignature(std::string_view text) {
  // Only the one spelling: without padding, and nothing beside the alphabet.
  std::optional<std::string> bytes = FromBase64Url(text);
  if (!bytes || bytes->size() != SHA256_DIGEST_LENGTH || Base64Url(*bytes) != text) {
    return std::nullopt;
  }
  return bytes;
}

// The parameters that begin with the prefix, each at most once.
struct Parameters {
  const std::string* expires = nullptr;
  const std::string* key = nullptr;
  const std::string* operations = nullptr;
  const std::string* pattern = nullptr;
  const std::string* signature = nullptr;
  const std::string* signer = nullptr;

  const std::string** Find(std::string_view name) {
    if (name == "ds-expires") return &expires;
    if (name == "ds-key") return &key;
    if (name == "ds-operations") return &operations;
    if (name == "ds-pattern") return &pattern;
    if (name == kSignatureParameter) return &signature;
    if (name == "ds-signer") return &signer;
    return nullptr;
  }
};

}  // namespace

bool IsUrlKeyId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxKeyIdBytes &&
         std::all_of(id.begin(), id.end(), IsNameChar);
}

uint8_t UrlPermissions(std::string_view operations) {
  uint8_t permissions = 0;
  while (true) {
    const size_t comma = std::min(operations.find(','), operations.size());
    const std::optional<Permission> permission = PermissionFromName(operations.substr(0, comma));
    // Subscriptions are for services, which can send headers.
    if (!permission || permission == Permission::kSubscribe) return 0;
    const auto bit = static_cast<uint8_t>(*permission);
    if ((permissions & bit) != 0) return 0;
    permissions |= bit;
    if (comma == operations.size()) return permissions;
    operations.remove_prefix(comma + 1);
  }
}

std::string StringToSign(const UrlGrant& grant) {
  return absl::StrCat(absl::string_view(kVersion.data(), kVersion.size()), "\n", grant.key_id, "\n",
                      grant.expires, "\n", grant.operations, "\n", grant.signer, "\n",
                      grant.is_pattern() ? "pattern" : "path", "\n",
                      grant.is_pattern() ? grant.pattern.text() : grant.path.text());
}

std::string SignGrant(const UrlGrant& grant, std::string_view secret) {
  const std::string text = StringToSign(grant);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), Bytes(text), text.size(),
       digest, &size);
  return std::string(reinterpret_cast<const char*>(digest), size);
}

bool IsGoodSignature(const UrlGrant& grant, std::string_view secret, std::string_view signature) {
  const std::string good = SignGrant(grant, secret);
  return good.size() == signature.size() &&
         CRYPTO_memcmp(good.data(), signature.data(), good.size()) == 0;
}

std::string SignedQuery(const UrlGrant& grant, std::string_view secret) {
  std::string query = absl::StrCat("ds-key=", grant.key_id, "&ds-expires=", grant.expires,
                                   "&ds-operations=", grant.operations);
  if (!grant.signer.empty()) absl::StrAppend(&query, "&ds-signer=", grant.signer);
  if (grant.is_pattern()) {
    absl::StrAppend(&query, "&ds-pattern=", PercentEncode(grant.pattern.text(), "/*"));
  }
  absl::StrAppend(&query, "&ds-signature=", Base64Url(SignGrant(grant, secret)));
  return query;
}

bool IsSigned(const QueryParameters& query) {
  return std::any_of(query.begin(), query.end(),
                     [](const auto& parameter) { return parameter.first == kSignatureParameter; });
}

absl::StatusOr<SignedUrl> ParseSignedUrl(const QueryParameters& query, const StreamPath& path) {
  Parameters found;
  for (const auto& [name, value] : query) {
    if (!name.starts_with(kPrefix)) continue;
    const std::string** const place = found.Find(name);
    // It may be a restriction that a later version knows.
    if (place == nullptr) return Invalid("a parameter of the signature is not known");
    if (*place != nullptr) return Invalid("a parameter of the signature stands twice");
    *place = &value;
  }
  if (found.expires == nullptr || found.key == nullptr || found.operations == nullptr ||
      found.signature == nullptr) {
    return Invalid("a parameter of the signature is missing");
  }
  SignedUrl url;
  const std::optional<int64_t> expires = ParseExpires(*found.expires);
  std::optional<std::string> signature = DecodeSignature(*found.signature);
  if (!expires || !signature || !IsUrlKeyId(*found.key) || UrlPermissions(*found.operations) == 0 ||
      (found.signer != nullptr && !IsSigner(*found.signer))) {
    return Invalid("a parameter of the signature cannot be read");
  }
  if (found.pattern == nullptr) {
    url.grant.path = path;
  } else {
    absl::StatusOr<PathPattern> pattern = PathPattern::Parse(*found.pattern);
    if (!pattern.ok()) return Invalid("the pattern that is signed for is none");
    url.grant.pattern = *std::move(pattern);
  }
  url.grant.key_id = *found.key;
  url.grant.expires = *expires;
  url.grant.operations = *found.operations;
  if (found.signer != nullptr) url.grant.signer = *found.signer;
  url.signature = *std::move(signature);
  return url;
}

}  // namespace ds::auth

#ifndef GATEWAY_AUTH_SIGNED_URL_H_
#define GATEWAY_AUTH_SIGNED_URL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/auth/rules.h"
#include "storage/api/path_pattern.h"
#include "storage/api/stream_path.h"

// URLs that carry their own right, for those who can send no header: EventSource, images, links.
// docs/security.md specifies the form. Pure functions.

namespace ds::auth {

// The parameters of a query, decoded, in order.
using QueryParameters = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view kSignatureParameter = "ds-signature";
inline constexpr size_t kMinUrlSecretBytes = 32;

// A secret that signs URLs. It is used as it stands, so it must be as random as it is long.
struct UrlKey {
  std::string id;  // 1 to 64 of letters, digits, `-`, `_` and `.`
  std::string secret;
};
bool IsUrlKeyId(std::string_view id);

// What a signed URL says.
struct UrlGrant {
  std::string key_id;
  int64_t expires = 0;     // seconds since 1970; from then on it is refused
  std::string operations;  // names joined by commas, each once, such as "read,append"
  std::string signer;      // Principal::id of who had it signed; empty: whoever has the secret
  StreamPath path;
  PathPattern pattern;  // empty: only that stream; else the streams that it means, and no path

  bool is_pattern() const { return !pattern.empty(); }
  absl::Time expiry() const { return absl::FromUnixSeconds(expires); }
};

// What somebody wants a signed URL for.
struct UrlWish {
  std::string operations;  // as in UrlGrant, and so are the next two
  StreamPath path;
  PathPattern pattern;
  // Not given: an hour. The URL ends earlier where its signer's credential or the configured
  // longest lifetime does.
  std::optional<absl::Duration> lifetime;
};

// The permissions that a list of operations stands for: read, append, create, delete, list. 0 when
// it is empty or has another, or one twice.
uint8_t UrlPermissions(std::string_view operations);

// The text that is signed, byte for byte.
std::string StringToSign(const UrlGrant& grant);
// HMAC-SHA256 of it (RFC 2104), 32 bytes.
std::string SignGrant(const UrlGrant& grant, std::string_view secret);
// Whether `signature` is that. Takes the same time wherever they differ.
bool IsGoodSignature(const UrlGrant& grant, std::string_view secret, std::string_view signature);
// The parameters to put behind the URL of a stream that the grant names, percent-encoded, joined by
// `&`.
std::string SignedQuery(const UrlGrant& grant, std::string_view secret);

// Whether a query claims to be signed.
bool IsSigned(const QueryParameters& query);
struct SignedUrl {
  UrlGrant grant;
  std::string signature;
};
// Takes a signed query apart; nothing of it is verified. `path` is that of the request's stream,
// which the grant is for when the query has no pattern. Errors: kUrlSignatureInvalid, with a reason
// that holds no part of the query.
absl::StatusOr<SignedUrl> ParseSignedUrl(const QueryParameters& query, const StreamPath& path);

}  // namespace ds::auth

#endif  // GATEWAY_AUTH_SIGNED_URL_H_

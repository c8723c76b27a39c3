#include "gateway/handlers/own_url.h"

#include <algorithm>

#include "gateway/http/authority.h"
#include "gateway/http/message.h"

namespace ds {
namespace {

// A URL's parts (RFC 3986 section 3).
struct Parts {
  std::string_view scheme;  // empty for a reference without one
  std::string_view authority;
  std::string_view path;  // with query and fragment
};

// Nothing for what has no authority.
std::optional<Parts> TakeApart(std::string_view reference) {
  Parts parts;
  if (!reference.starts_with("//")) {
    const size_t colon = reference.find("://");
    if (colon == 0 || colon == std::string_view::npos || reference.find_first_of(":/?#") != colon)
      return std::nullopt;
    parts.scheme = reference.substr(0, colon);
    reference.remove_prefix(colon + 1);
  }
  reference.remove_prefix(2);
  const size_t end = std::min(reference.find_first_of("/?#"), reference.size());
  parts.authority = reference.substr(0, end);
  parts.path = reference.substr(end);
  return parts;
}

bool SameAuthority(std::string_view a, std::string_view b, bool secure) {
  return http::IsValidAuthority(a) && http::IsValidAuthority(b) &&
         http::SameAuthority(a, b, secure ? "https" : "http");
}

}  // namespace

std::optional<std::string_view> OwnPath(std::string_view reference, const OwnNames& names) {
  const std::optional<Parts> parts = TakeApart(reference);
  if (!parts) return reference;
  const bool https = http::EqualsIgnoringCase(parts->scheme, "https");
  if (!https && !parts->scheme.empty() && !http::EqualsIgnoringCase(parts->scheme, "http")) {
    return std::nullopt;
  }
  const bool fits_connection = parts->scheme.empty() || https || !names.secure;
  const bool secure = https || (parts->scheme.empty() && names.secure);
  if (fits_connection && SameAuthority(parts->authority, names.authority, secure)) {
    return parts->path;
  }
  const std::optional<Parts> own = TakeApart(names.public_url);
  if (own && (parts->scheme.empty() || http::EqualsIgnoringCase(parts->scheme, own->scheme)) &&
      SameAuthority(parts->authority, own->authority, own->scheme == "https") &&
      parts->path.starts_with(own->path)) {
    return parts->path.substr(own->path.size());
  }
  return std::nullopt;
}

}  // namespace ds

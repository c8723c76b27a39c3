#ifndef GATEWAY_HTTP_AUTHORITY_H_
#define GATEWAY_HTTP_AUTHORITY_H_

#include <string_view>

namespace ds::http {

// Whether `text` is `host [ ":" port ]` as an http URI may have it (RFC 3986 section 3.2, RFC 9110
// section 4.2): a name, an IPv4 address or an IP literal in brackets, not empty; a port of at most
// 65535, which may be empty; no user information.
bool IsValidAuthority(std::string_view text);

// Whether two valid authorities name the same host and port. The letter case of the host does not
// count, nor whether the default port of `scheme` ("http" or "https") is written (RFC 3986 section
// 6.2).
bool SameAuthority(std::string_view a, std::string_view b, std::string_view scheme);

}  // namespace ds::http

#endif  // GATEWAY_HTTP_AUTHORITY_H_

#ifndef GATEWAY_HTTP_REQUEST_PARSER_H_
#define GATEWAY_HTTP_REQUEST_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "gateway/http/limits.h"
#include "gateway/http/request.h"
#include "storage/api/errors.h"

namespace ds::http {

// Reading the head of an HTTP/1.x request (RFC 9112 sections 2 to 6). Boost.Beast does the parsing;
// what Beast lets pass and is refused here are the shapes with which requests are smuggled past
// proxies: bare LF, obs-fold, repeated or signed or listed Content-Length, any Transfer-Encoding
// but `chunked`, both of them at once, Transfer-Encoding in HTTP/1.0, none or several or malformed
// Host fields, targets that are none of HTTP's forms.

// What a head says about the rest of its request and about the connection.
struct Framing {
  bool chunked = false;
  bool expects_continue = false;
  bool keep_alive = true;
  uint64_t content_length = 0;  // of a body that is not chunked
};

// Looks for the end of the head in all bytes received so far. Returns its size, or nothing when it
// is not complete; `error` is set when it cannot become a valid one. `searched` remembers where the
// last call left off and starts at 0.
std::optional<size_t> FindHead(std::string_view bytes, const Limits& limits, size_t& searched,
                               std::optional<ErrorCode>& error);

// Reads `head`, which FindHead has found, into `request` and `framing`. The status is the error's:
// kBadRequest, kHeadersTooLarge, kPayloadTooLarge, kExpectationFailed; then the request has what
// was read before.
absl::Status ParseHead(std::string_view head, const Limits& limits, Request& request,
                       Framing& framing);

}  // namespace ds::http

#endif  // GATEWAY_HTTP_REQUEST_PARSER_H_

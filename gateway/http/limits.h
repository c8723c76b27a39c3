#ifndef GATEWAY_HTTP_LIMITS_H_
#define GATEWAY_HTTP_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace ds::http {

// How large a request may be.
struct Limits {
  size_t max_request_line = 8 << 10;
  size_t max_head = 32 << 10;  // request line and headers together; as much again of trailers
  size_t max_headers = 100;    // as many again of trailers
  uint64_t max_body = 64u << 20;
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_LIMITS_H_

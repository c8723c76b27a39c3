#ifndef GATEWAY_HTTP_MESSAGE_H_
#define GATEWAY_HTTP_MESSAGE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/http/request.h"

namespace ds::http {

// A part of what is sent: bytes of one's own, or bytes shared with other receivers.
struct Piece {
  std::string own;
  std::shared_ptr<const std::string> shared;

  Piece(std::string bytes) : own(std::move(bytes)) {}  // NOLINT(google-explicit-constructor)
  Piece(std::shared_ptr<const std::string> bytes)      // NOLINT(google-explicit-constructor)
      : shared(std::move(bytes)) {}
  std::string_view view() const { return shared ? std::string_view(*shared) : own; }
};
using Pieces = std::vector<Piece>;

size_t TotalSize(const Pieces& pieces);

// A part of a streamed response that many connections send: encoded once, within the frame that the
// chunked transfer coding puts around it (RFC 9112 section 7.1).
class SharedPayload {
 public:
  // `payload` must not be empty.
  explicit SharedPayload(std::string_view payload);

  // With the frame.
  const std::shared_ptr<const std::string>& framed() const { return framed_; }
  std::string_view payload() const { return payload_; }

 private:
  std::shared_ptr<const std::string> framed_;
  std::string_view payload_;  // points into *framed_
};

// A response. Date, Server, Content-Length and the connection's own headers are added on the way.
struct Response {
  int status = 200;
  std::string headers;  // complete lines: "Name: value\r\n"
  Pieces body;

  // A value that would end its line, and begin another header or the body, is left out with its
  // name: wherever it was stored, a client must not be able to write answers.
  Response& Add(std::string_view name, std::string_view value);
};

// "204 No Content"; 500 for a status that this server does not use.
std::string_view StatusText(int status);

// Whether a response of that status has no body, nor Content-Length (RFC 9110 section 6.4.1).
inline bool HasNoBody(int status) { return status < 200 || status == 204 || status == 304; }

// Whether Content-Length goes with the response. That to a HEAD says it only where the handler made
// the body that GET would have (RFC 9110 section 8.6): no length is right, a wrong one is not.
inline bool HasLength(const Response& response, bool to_head) {
  return !HasNoBody(response.status) && !(to_head && TotalSize(response.body) == 0);
}

}  // namespace ds::http

#endif  // GATEWAY_HTTP_MESSAGE_H_

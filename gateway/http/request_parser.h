#ifndef GATEWAY_HTTP_REQUEST_PARSER_H_
#define GATEWAY_HTTP_REQUEST_PARSER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "gateway/http/limits.h"
#include "gateway/http/message.h"
#include "storage/api/errors.h"

namespace ds::http {

// Reads one HTTP/1.x request head and, if it is chunked, its body. Boost.Beast does the parsing
// behind this interface; what Beast lets pass and this class refuses are the shapes with which
// requests are smuggled past proxies: bare LF, obs-fold, repeated or signed or listed
// Content-Length, any Transfer-Encoding but `chunked`, both of them at once, Transfer-Encoding in
// HTTP/1.0, none or several Host headers in HTTP/1.1. Used once per request, by one thread.
class RequestParser {
 public:
  // `limits` must outlive the parser.
  explicit RequestParser(const Limits& limits);
  ~RequestParser();

  // Looks for the end of the head in all bytes received so far. Returns its size, or nothing when
  // it is not complete; `error` is set when it cannot become a valid one. `searched` remembers
  // where the last call left off and starts at 0.
  static std::optional<size_t> FindHead(std::string_view bytes, const Limits& limits,
                                        size_t& searched, std::optional<ErrorCode>& error);

  // Reads the whole head in `request.head` into the rest of `request`, whose views point into it.
  // The status is the error's.
  absl::Status ParseHead(Request& request);

  // After ParseHead.
  bool chunked() const { return chunked_; }
  uint64_t content_length() const { return content_length_; }
  bool expects_continue() const { return expects_continue_; }
  bool keep_alive() const { return keep_alive_; }

  // Reads a part of a chunked body, appending its payload to `body`; returns how many of `bytes`
  // belong to it. REQUIRES: chunked() and not done().
  absl::StatusOr<size_t> ParseBody(std::string_view bytes, std::string& body);
  bool done() const { return done_; }

 private:
  class BeastParser;

  absl::Status ParseHeaderLines(BeastParser& beast, Request& request);

  const Limits& limits_;
  std::unique_ptr<BeastParser> beast_;  // of a chunked body
  bool chunked_ = false;
  bool expects_continue_ = false;
  bool keep_alive_ = true;
  bool done_ = false;
  uint64_t content_length_ = 0;
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_REQUEST_PARSER_H_

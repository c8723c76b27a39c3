#ifndef BASE_HTTP_CLIENT_H_
#define BASE_HTTP_CLIENT_H_

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/unique_function.h"

namespace ds {

// Sends HTTP requests to others, by libcurl, from one thread of its own: many at a time, few to the
// same host; no redirects, no proxy, no cookies. Thread-safe.
class HttpClient {
 public:
  struct Request {
    std::string method = "GET";
    std::string url;  // http or https
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    absl::Duration timeout;  // of the whole of it, waiting for a free connection included
  };
  struct Response {
    // 0 when there was none; then `failure` tells why.
    int status = 0;
    std::string failure;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    std::string body;
    // The body was longer than what is read of one, and is left out.
    bool body_too_long = false;
    // Options::may_connect said no.
    bool refused_address = false;
  };
  using Callback = UniqueFunction<void(Response)>;

  struct Options {
    size_t max_response_bytes = 64 << 10;
    // Asked before each connection; the address is what the URL's host has been resolved to.
    std::function<bool(const std::string& url, const sockaddr& address)> may_connect;
  };

  static std::unique_ptr<HttpClient> Make(Options options);
  // Requests under way are dropped, and their callbacks not called.
  virtual ~HttpClient() = default;

  // `done` is called once, on the client's thread, unless the client is destroyed before.
  virtual void Send(Request request, Callback done) = 0;
};

}  // namespace ds

#endif  // BASE_HTTP_CLIENT_H_

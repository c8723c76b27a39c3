#ifndef COMMANDS_HTTP_CALL_H_
#define COMMANDS_HTTP_CALL_H_

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ds {

// One HTTP request of a command, which waits for its end. (For a server's own requests see
// base/http_client.h.)
struct HttpCall {
  struct Answer {
    int status = 0;  // 0: none; then `failure` tells why
    std::string failure;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    std::string body;

    // Empty when it is not there.
    std::string Header(std::string_view name) const;
  };

  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string ca_file;  // PEM; empty: the system's authorities
  // Gets the body of a 200 as it comes, instead of Answer::body; false ends the call.
  std::function<bool(std::string_view)> sink;

  Answer Run() const;
};

}  // namespace ds

#endif  // COMMANDS_HTTP_CALL_H_

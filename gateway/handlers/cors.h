#ifndef GATEWAY_HANDLERS_CORS_H_
#define GATEWAY_HANDLERS_CORS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "gateway/http/message.h"

namespace ds {

struct CorsOptions {
  // Whose pages may call: {"*"} everybody's, empty nobody's, else those of these origins, written
  // as browsers do: SCHEME://HOST, with :PORT where it is not the scheme's own.
  std::vector<std::string> origins = {"*"};
  // The request headers that pages may send; empty: any.
  std::vector<std::string> headers;
  // Whether browsers send cookies along, and HTTP authentication that they remember.
  bool credentials = false;
};

// Errors: InvalidArgument, naming the flag. Credentials need origins by name: with `*` every page
// of the web could act with what a visitor's browser remembers.
absl::Status CheckCors(const CorsOptions& options);

// Cross-origin resource sharing (WHATWG Fetch, section 3.2): tells browsers which pages may call
// this server and what they may read of its answers. Immutable, thread-safe.
class Cors {
 public:
  // REQUIRES: CheckCors(options).ok().
  explicit Cors(const CorsOptions& options);

  // The header lines that every answer has, whoever asks.
  const std::string& common_lines() const { return common_lines_; }
  // Adds those that depend on who asks. Cheap when there are none.
  void AddTo(const http::Request& request, http::Response& response) const {
    if (!listed_.empty()) AddListed(request, response);
  }
  // Adds what the answer to a preflight has beside the two above.
  void AddPreflight(const http::Request& request, http::Response& response) const;

  // Whether pages of this origin may call, and the configuration names it.
  bool Lists(std::string_view origin) const;

 private:
  void AddListed(const http::Request& request, http::Response& response) const;
  bool Allows(const http::Request& request) const;

  const bool open_;  // to everybody
  const std::vector<std::string> listed_;
  const bool credentials_;
  std::string allowed_headers_;  // empty: what is asked for
  std::string common_lines_;
  std::string listed_lines_;  // for a listed origin, beside its name
};

}  // namespace ds

#endif  // GATEWAY_HANDLERS_CORS_H_

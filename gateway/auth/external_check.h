#ifndef GATEWAY_AUTH_EXTERNAL_CHECK_H_
#define GATEWAY_AUTH_EXTERNAL_CHECK_H_

#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/http_client.h"
#include "base/unique_function.h"

namespace ds::auth {

// Asks another service whether a request may go on, as Caddy's forward_auth and nginx's
// auth_request do: a GET with X-Forwarded-Method, -Uri, -Host and -Proto and the request's own
// Authorization and Cookie. What a request does to streams beside the one in its URL is asked about
// as the request that does only that. A service that knows nothing of patterns would take one for a
// path, so its answer to a question about one has to repeat X-Durable-Streams-Pattern. 2xx lets it
// through; 401 and 403 refuse it; anything else, and no answer in time, refuses it for now. What
// was answered holds for a short while. Thread-safe.
class ExternalCheck {
 public:
  struct Options {
    std::string url;  // empty: no check
    absl::Duration timeout = absl::Seconds(5);
    absl::Duration cache = absl::Seconds(5);  // 0: every request asks
  };
  struct Question {
    std::string method;
    std::string uri;  // path and query; the path's escapes are those that it needs
    std::string host;
    std::string authorization;  // the headers, empty: not there
    std::string cookie;
    std::string operation;  // as in metrics, or a permission's name
    std::string path;       // of the stream, escaped as in a URL
    bool is_pattern = false;
    bool secure = false;
  };
  struct Answer {
    absl::Status status;
    // The header Remote-User of the answer: who it is, for limits.
    std::string principal;
    std::string challenge;  // WWW-Authenticate of a refusal
  };

  // Both references must outlive the object.
  ExternalCheck(const Options& options, HttpClient& client, Clock& clock)
      : options_(options), client_(client), clock_(clock) {}

  // Calls `done` once, at once or on the client's thread. Errors in the answer: kUnauthenticated,
  // kForbidden, kOverloaded.
  void Ask(Question question, UniqueFunction<void(Answer)> done);

 private:
  struct Cached {
    Answer answer;
    absl::Time until;
  };

  static Answer Judge(const HttpClient::Response& response, bool is_pattern);
  void Keep(const std::string& key, const Answer& answer);

  const Options& options_;
  HttpClient& client_;
  Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, Cached> cache_;  // guarded by mutex_
};

}  // namespace ds::auth

#endif  // GATEWAY_AUTH_EXTERNAL_CHECK_H_

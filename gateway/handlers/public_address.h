#ifndef GATEWAY_HANDLERS_PUBLIC_ADDRESS_H_
#define GATEWAY_HANDLERS_PUBLIC_ADDRESS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "gateway/http/message.h"

namespace ds {

struct PublicAddressOptions {
  // What clients put before the stream root, such as "https://streams.example"; empty: http or
  // https, and the host that the request names.
  std::string url;
  // The only hosts that requests may name: HOST, with any port, HOST:PORT, or *.DOMAIN for all
  // below one. Empty: any.
  std::vector<std::string> allowed_hosts;
};

// Errors: InvalidArgument, naming the flag.
absl::Status CheckPublicAddress(const PublicAddressOptions& options);

// Whether an entry of `allowed_hosts` stands for the authority of a request (HOST or HOST:PORT).
bool HostMatches(std::string_view entry, std::string_view authority);

// What clients call this server: which hosts it answers for, and what stands in the URLs that it
// hands out. The host that a request names is the client's word: where clients are told apart it
// must not end up in what others are given, unless the configuration knows it. Immutable,
// thread-safe.
class PublicAddress {
 public:
  // `guarded`: clients are told apart.
  PublicAddress(const PublicAddressOptions& options, bool guarded)
      : options_(options), guarded_(guarded) {}

  // Whether requests for the host that this one names are answered.
  bool Serves(const http::Request& request) const {
    return options_.allowed_hosts.empty() || IsAllowed(request);
  }
  // The URL before the path of a request, as the client sees it, such as "https://streams.example";
  // nullopt when that cannot be known. REQUIRES: Serves(request).
  std::optional<std::string> OriginUrl(const http::Request& request) const;
  // Whether OriginUrl is configured, the same for all requests.
  bool is_configured() const { return !options_.url.empty(); }

 private:
  bool IsAllowed(const http::Request& request) const;

  const PublicAddressOptions options_;
  const bool guarded_;
};

}  // namespace ds

#endif  // GATEWAY_HANDLERS_PUBLIC_ADDRESS_H_

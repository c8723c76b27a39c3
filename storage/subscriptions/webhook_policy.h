#ifndef STORAGE_SUBSCRIPTIONS_WEBHOOK_POLICY_H_
#define STORAGE_SUBSCRIPTIONS_WEBHOOK_POLICY_H_

#include <sys/socket.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace ds {

// Where webhooks may go (sections 6.2 and 12.8): what keeps a subscription from making the server
// call what only the server can reach. A value; thread-safe.
struct WebhookPolicy {
  // http://localhost and http://127.x.x.x, for development.
  bool allow_http_localhost = false;
  // Only these hosts, "*.example.com" for all below one; empty: no such limit.
  std::vector<std::string> allowed_hosts;

  // Whether a subscription may have the URL: kWebhookUrlRejected if not. What a name resolves to is
  // judged when it is connected to.
  absl::Status CheckUrl(const std::string& url) const;

  // Whether a delivery to the URL, which passed CheckUrl, may connect to `address`: not to private,
  // link-local, loopback, multicast, unspecified or otherwise special ones, in IPv6 clothes
  // neither; but to loopback where the URL is one for development.
  bool MayConnect(const std::string& url, const sockaddr& address) const;
};

}  // namespace ds

#endif  // STORAGE_SUBSCRIPTIONS_WEBHOOK_POLICY_H_

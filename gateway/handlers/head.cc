#include <utility>

#include "gateway/handlers/gateway.h"
#include "gateway/handlers/store_call.h"
#include "gateway/protocol/encoding.h"

// HEAD: section 5.5. It does not renew the TTL.

namespace ds {

Task<int> Gateway::Head(http::Exchange& exchange, const Target& target) {
  const http::Request& request = exchange.request();
  HeadRequest ask{target.path, /*renew=*/false};
  const HeadResult head =
      co_await StoreCall(exchange.io(), store_, &StreamStore::Head, std::move(ask));
  http::Response response = head.status.ok() ? Begin(200, request) : Problem(head.status, request);
  if (head.status.ok()) {
    const StreamInfo& info = head.info;
    response.Add("Content-Type", info.content_type);
    AddNextOffset(info.tail, response);
    response.Add("Cache-Control", "no-store");
    if (info.closed) response.Add("Stream-Closed", "true");
    if (info.lifetime.ttl_seconds) {
      response.Add("Stream-TTL", std::to_string(*info.lifetime.ttl_seconds));
    }
    if (info.lifetime.expires_at) {
      response.Add("Stream-Expires-At", info.lifetime.expires_at_text);
    }
  }
  co_return co_await exchange.Respond(std::move(response));
}

}  // namespace ds

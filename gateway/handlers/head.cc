#include <utility>

#include "gateway/handlers/gateway.h"
#include "gateway/protocol/etag.h"

// HEAD: section 5.5. It does not renew the TTL.

namespace ds {

Task<int> Gateway::Head(RequestContext& context) {
  HeadRequest ask{context.target.path, /*renew=*/false};
  const HeadResult head = co_await store_.Call(context, &StreamStore::Head, std::move(ask));
  if (!head.status.ok()) co_return co_await context.exchange.Respond(Problem(head.status, context));
  const StreamInfo& info = head.info;
  const std::string etag = Etag(info);
  std::string joined;
  const Field known = context.request().FindList("if-none-match", joined);
  http::Response response = Begin(known && NamesEtag(*known, etag) ? 304 : 200, context);
  response.Add("Content-Type", info.content_type);
  response.Add("ETag", etag);
  AddNextOffset(info.tail, response);
  response.Add("Cache-Control", "no-store");
  if (info.closed) response.Add("Stream-Closed", "true");
  if (info.lifetime.ttl_seconds) {
    response.Add("Stream-TTL", std::to_string(*info.lifetime.ttl_seconds));
  }
  if (info.lifetime.expires_at) {
    response.Add("Stream-Expires-At", info.lifetime.expires_at_text);
  }
  co_return co_await context.exchange.Respond(std::move(response));
}

}  // namespace ds

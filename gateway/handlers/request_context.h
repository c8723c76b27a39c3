#ifndef GATEWAY_HANDLERS_REQUEST_CONTEXT_H_
#define GATEWAY_HANDLERS_REQUEST_CONTEXT_H_

#include <chrono>

#include "gateway/handlers/operation.h"
#include "gateway/http/exchange.h"
#include "gateway/protocol/target.h"

namespace ds {

// One request on its way through the gateway, and what has been found out about it. Stands in the
// frame of Gateway::Handle; the thread of its exchange only.
struct RequestContext {
  explicit RequestContext(http::Exchange& on) : exchange(on) {}
  RequestContext(const RequestContext&) = delete;

  // Empty once a stream of events has begun.
  http::Request& request() const { return exchange.request(); }

  http::Exchange& exchange;
  Target target;
  HttpOperation operation = HttpOperation::kOther;
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
};

}  // namespace ds

#endif  // GATEWAY_HANDLERS_REQUEST_CONTEXT_H_

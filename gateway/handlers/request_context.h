#ifndef GATEWAY_HANDLERS_REQUEST_CONTEXT_H_
#define GATEWAY_HANDLERS_REQUEST_CONTEXT_H_

#include <chrono>
#include <optional>
#include <string>

#include "gateway/auth/principal.h"
#include "gateway/handlers/operation.h"
#include "gateway/http/exchange.h"
#include "gateway/limits/rate_limiter.h"
#include "gateway/protocol/target.h"
#include "storage/api/call_context.h"

namespace ds {

// One request on its way through the gateway, and what has been found out about it. Stands in the
// frame of Gateway::Handle; the thread of its exchange only.
struct RequestContext {
  explicit RequestContext(http::Exchange& on) : exchange(on) {}
  RequestContext(const RequestContext&) = delete;

  http::Request& request() const { return exchange.request(); }

  http::Exchange& exchange;
  Target target;
  HttpOperation operation = HttpOperation::kOther;

  // Whether the answer is for this client only.
  bool is_private() const {
    return checked_externally || (principal != nullptr && !principal->anonymous);
  }
  CallContext call;              // for the calls on the storage
  auth::PrincipalPtr principal;  // nullptr without authentication
  bool checked_externally = false;
  std::string client;     // whose limits count; empty without limits
  std::string challenge;  // of a 401: the header WWW-Authenticate
  std::optional<RateLimiter::Decision> rate;
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
};

}  // namespace ds

#endif  // GATEWAY_HANDLERS_REQUEST_CONTEXT_H_

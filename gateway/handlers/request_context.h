#ifndef GATEWAY_HANDLERS_REQUEST_CONTEXT_H_
#define GATEWAY_HANDLERS_REQUEST_CONTEXT_H_

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "gateway/auth/principal.h"
#include "gateway/handlers/access.h"
#include "gateway/handlers/operation.h"
#include "gateway/http/exchange.h"
#include "gateway/limits/rate_limiter.h"
#include "gateway/protocol/target.h"
#include "storage/api/call_context.h"
#include "storage/api/condition.h"

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
  bool url_is_signed = false;  // or claims to be

  // Whether the answer is for this client only.
  bool is_private() const {
    return checked_externally || (principal != nullptr && !principal->anonymous);
  }
  // Whether it was judged that the request may do this; true where nothing is judged. For a
  // pattern: to all that it means.
  bool Admits(auth::Permission permission, const StreamPath& path) const {
    return !judged || (permission == permission_judged && path == target.path) ||
           Admits(Access{permission, path});
  }
  bool Admits(auth::Permission permission, const PathPattern& pattern) const {
    return !judged || Admits(Access{permission, {}, pattern});
  }
  bool Admits(const Access& access) const {
    return !judged || std::find(admitted.begin(), admitted.end(), access) != admitted.end();
  }

  bool judged = false;  // by rules or an external check; see Admission
  auth::Permission permission_judged = auth::Permission::kRead;  // on the target's path
  std::vector<Access> admitted;  // what was judged beside that, and may be done
  // Of a live read: the token with which it came (none by a signed URL), and as of when that was
  // judged; see Admission::StillAdmits.
  std::string credential;
  uint64_t judged_generation = 0;
  uint64_t max_body = 0;         // that this kind of request may have
  ConditionPtr condition;        // of a write
  CallContext call;              // for the calls on the storage
  auth::PrincipalPtr principal;  // nullptr without authentication
  bool checked_externally = false;
  std::string client;  // whose limits count; empty without limits
  // Of a 401: the lines of WWW-Authenticate; none stand for "Bearer".
  std::vector<std::string> challenges;
  std::optional<RateLimiter::Decision> rate;
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
};

}  // namespace ds

#endif  // GATEWAY_HANDLERS_REQUEST_CONTEXT_H_

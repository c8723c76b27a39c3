#include <utility>

#include "gateway/handlers/gateway.h"

// DELETE: section 5.4.

namespace ds {

Task<int> Gateway::Delete(RequestContext& context) {
  DeleteRequest ask{context.target.path, context.condition};
  const DeleteResult result = co_await store_.Call(context, &StreamStore::Delete, std::move(ask));
  http::Response response = result.status.ok()
                                ? Begin(204, context)
                                : WriteProblem(result.status, result.current, context);
  co_return co_await context.exchange.Respond(std::move(response));
}

}  // namespace ds

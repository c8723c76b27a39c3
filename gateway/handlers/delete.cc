#include <utility>

#include "gateway/handlers/gateway.h"
#include "gateway/handlers/store_call.h"

// DELETE: section 5.4.

namespace ds {

Task<int> Gateway::Delete(http::Exchange& exchange, const Target& target) {
  const http::Request& request = exchange.request();
  DeleteRequest ask{target.path};
  const DeleteResult result =
      co_await StoreCall(exchange.io(), store_, &StreamStore::Delete, std::move(ask));
  http::Response response =
      result.status.ok() ? Begin(204, request) : Problem(result.status, request);
  co_return co_await exchange.Respond(std::move(response));
}

}  // namespace ds

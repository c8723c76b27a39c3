#ifndef GATEWAY_HANDLERS_STORE_CALL_H_
#define GATEWAY_HANDLERS_STORE_CALL_H_

#include <coroutine>
#include <utility>

#include "gateway/handlers/callback_result.h"
#include "gateway/http/io_thread.h"
#include "storage/api/stream_store.h"

namespace ds {

// Awaits one operation of the store on an IoThread: `co_await StoreCall(io, store,
// &StreamStore::Append, std::move(request))`. An operation that answers at once does not suspend.
// The request must be a variable: GCC 12 destroys an aggregate temporary in a co_await twice.
template <typename Request, typename Result>
class [[nodiscard]] StoreCall {
 public:
  using Method = void (StreamStore::*)(Request, StreamStore::Callback<Result>);

  StoreCall(http::IoThread& io, StreamStore& store, Method method, Request request)
      : result_(io), store_(store), method_(method), request_(std::move(request)) {}

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> coroutine) {
    (store_.*method_)(std::move(request_), result_.CallbackFor(coroutine));
    return result_.StaysSuspended();
  }
  Result await_resume() { return result_.Take(); }

 private:
  CallbackResult<Result> result_;
  StreamStore& store_;
  const Method method_;
  Request request_;
};

}  // namespace ds

#endif  // GATEWAY_HANDLERS_STORE_CALL_H_

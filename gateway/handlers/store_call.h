#ifndef GATEWAY_HANDLERS_STORE_CALL_H_
#define GATEWAY_HANDLERS_STORE_CALL_H_

#include <atomic>
#include <coroutine>
#include <utility>

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
      : io_(io), store_(store), method_(method), request_(std::move(request)) {}
  StoreCall(const StoreCall&) = delete;

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> coroutine) {
    (store_.*method_)(std::move(request_), [this, &io = io_, coroutine](Result result) {
      result_ = std::move(result);
      // Whoever comes second resumes; after the exchange `this` may be gone.
      if (stage_.exchange(kAnswered, std::memory_order_acq_rel) == kSuspended) {
        io.Resume(coroutine);
      }
    });
    return stage_.exchange(kSuspended, std::memory_order_acq_rel) != kAnswered;
  }
  Result await_resume() { return std::move(result_); }

 private:
  static constexpr int kSuspended = 1;
  static constexpr int kAnswered = 2;

  http::IoThread& io_;
  StreamStore& store_;
  const Method method_;
  Request request_;
  Result result_;
  std::atomic<int> stage_{0};
};

}  // namespace ds

#endif  // GATEWAY_HANDLERS_STORE_CALL_H_

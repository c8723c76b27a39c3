#ifndef GATEWAY_HANDLERS_CALLBACK_RESULT_H_
#define GATEWAY_HANDLERS_CALLBACK_RESULT_H_

#include <atomic>
#include <coroutine>
#include <utility>

#include "base/unique_function.h"
#include "gateway/http/io_thread.h"

namespace ds {

// What an awaiter needs to wait on an IoThread for a callback, which may come at once or on another
// thread. In await_suspend: start the operation with CallbackFor, then return StaysSuspended().
template <typename Result>
class CallbackResult {
 public:
  explicit CallbackResult(http::IoThread& io) : io_(io) {}
  CallbackResult(const CallbackResult&) = delete;

  // To be called exactly once. The object must remain until then.
  auto CallbackFor(std::coroutine_handle<> coroutine) {
    return [this, &io = io_, coroutine](Result result) {
      result_ = std::move(result);
      // Whoever comes second resumes; after the exchange `this` may be gone.
      if (stage_.exchange(kAnswered, std::memory_order_acq_rel) == kSuspended) {
        io.Resume(coroutine);
      }
    };
  }
  bool StaysSuspended() {
    return stage_.exchange(kSuspended, std::memory_order_acq_rel) != kAnswered;
  }
  Result Take() { return std::move(result_); }

 private:
  static constexpr int kSuspended = 1;
  static constexpr int kAnswered = 2;

  http::IoThread& io_;
  Result result_;
  std::atomic<int> stage_{0};
};

// Awaits whatever answers by a callback: `start` gets the callback. Must be a variable: GCC 12
// destroys some temporaries in a co_await twice.
template <typename Result>
class [[nodiscard]] CallbackAwaiter {
 public:
  using Start = UniqueFunction<void(UniqueFunction<void(Result)>)>;

  CallbackAwaiter(http::IoThread& io, Start start) : result_(io), start_(std::move(start)) {}

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> coroutine) {
    start_(result_.CallbackFor(coroutine));
    return result_.StaysSuspended();
  }
  Result await_resume() { return result_.Take(); }

 private:
  CallbackResult<Result> result_;
  Start start_;
};

}  // namespace ds

#endif  // GATEWAY_HANDLERS_CALLBACK_RESULT_H_

#ifndef GATEWAY_HANDLERS_CALLBACK_RESULT_H_
#define GATEWAY_HANDLERS_CALLBACK_RESULT_H_

#include <atomic>
#include <coroutine>
#include <memory>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/unique_function.h"
#include "gateway/http/io_thread.h"
#include "gateway/http/timer_queue.h"

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

// Awaits whatever answers by a callback, until a deadline: `start` gets the callback, which may be
// called later than that, or never. Results in nothing when the deadline came first. Must be a
// variable: GCC 12 destroys some temporaries in a co_await twice.
template <typename Result>
class [[nodiscard]] CallbackAwaiter final : public http::Timed {
 public:
  using Start = UniqueFunction<void(UniqueFunction<void(Result)>)>;

  CallbackAwaiter(http::IoThread& io, SteadyTime deadline, Start start)
      : state_(std::make_shared<State>(io)), deadline_(deadline), start_(std::move(start)) {}

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> coroutine) {
    state_->coroutine = coroutine;
    start_([state = state_](Result result) {
      state->result = std::move(result);
      if (state->stage.exchange(kAnswered, std::memory_order_acq_rel) == kSuspended) {
        state->io.Resume(state->coroutine);
      }
    });
    int begun = kBegun;
    if (!state_->stage.compare_exchange_strong(begun, kSuspended, std::memory_order_acq_rel)) {
      return false;
    }
    // Whoever answers meanwhile resumes on this thread, so not before this one returns.
    if (deadline_ != SteadyTime::max()) state_->io.timers().Start(*this, deadline_);
    return true;
  }
  std::optional<Result> await_resume() {
    if (state_->stage.load(std::memory_order_acquire) != kAnswered) return std::nullopt;
    return std::move(state_->result);
  }

 private:
  static constexpr int kBegun = 0;
  static constexpr int kSuspended = 1;
  static constexpr int kAnswered = 2;
  static constexpr int kOverdue = 3;

  // Shared with the callback, which may outlive the coroutine.
  struct State {
    explicit State(http::IoThread& thread) : io(thread) {}
    http::IoThread& io;
    std::coroutine_handle<> coroutine;
    Result result;
    std::atomic<int> stage{kBegun};
  };

  void OnTime() override {
    int suspended = kSuspended;
    if (state_->stage.compare_exchange_strong(suspended, kOverdue, std::memory_order_acq_rel)) {
      state_->coroutine.resume();
    }
  }

  const std::shared_ptr<State> state_;
  const SteadyTime deadline_;
  Start start_;
};

}  // namespace ds

#endif  // GATEWAY_HANDLERS_CALLBACK_RESULT_H_

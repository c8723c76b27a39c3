#ifndef GATEWAY_HANDLERS_STORE_CALL_H_
#define GATEWAY_HANDLERS_STORE_CALL_H_

#include <coroutine>
#include <utility>

#include "gateway/handlers/access.h"
#include "gateway/handlers/callback_result.h"
#include "gateway/handlers/request_context.h"
#include "spdlog/spdlog.h"
#include "storage/api/errors.h"
#include "storage/api/stream_store.h"

namespace ds {

// Awaits one operation of the store on an IoThread; AdmittedStore makes it. Trace and deadline of
// the request's context go along. An operation that answers at once does not suspend. Refuses
// (kForbidden) a request that does something which was not admitted: that would be a fault of the
// handler, and the last thing that notices it is this.
template <typename Request, typename Result>
class [[nodiscard]] StoreCall {
 public:
  using Method = void (StreamStore::*)(Request, StreamStore::Callback<Result>);

  StoreCall(const RequestContext& context, StreamStore& store, Method method, Request request)
      : result_(context.exchange.io()),
        store_(store),
        method_(method),
        request_(std::move(request)),
        admitted_(!context.judged || IsAdmitted(context)) {
    request_.context = context.call;
  }

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> coroutine) {
    if (!admitted_) {
      spdlog::critical("a request was about to do what was not judged; it is refused");
      result_.CallbackFor(coroutine)(Result{.status = MakeError(ErrorCode::kForbidden)});
    } else {
      (store_.*method_)(std::move(request_), result_.CallbackFor(coroutine));
    }
    return result_.StaysSuspended();
  }
  Result await_resume() { return result_.Take(); }

 private:
  bool IsAdmitted(const RequestContext& context) const {
    bool all = true;
    ForEachAccess(request_, [&](auth::Permission permission, const auto& what) {
      all = all && context.Admits(permission, what);
    });
    return all;
  }

  CallbackResult<Result> result_;
  StreamStore& store_;
  const Method method_;
  Request request_;
  const bool admitted_;
};

// The store as handlers have it: every request of it is held against what was admitted.
class AdmittedStore {
 public:
  explicit AdmittedStore(StreamStore& store) : store_(store) {}

  // To be awaited: `co_await store.Call(context, &StreamStore::Append, std::move(request))`. The
  // request must be a variable: GCC 12 destroys an aggregate temporary in a co_await twice.
  template <typename Request, typename Result>
  StoreCall<Request, Result> Call(const RequestContext& context,
                                  void (StreamStore::*method)(Request,
                                                              StreamStore::Callback<Result>),
                                  Request request) {
    return {context, store_, method, std::move(request)};
  }
  // Keeps a stream alive that a live reader follows.
  void Renew(const RequestContext& context) const {
    store_.Head({context.target.path, /*renew=*/true, context.call}, [](const HeadResult&) {});
  }

 private:
  StreamStore& store_;
};

}  // namespace ds

#endif  // GATEWAY_HANDLERS_STORE_CALL_H_

#ifndef STORAGE_RPC_CALL_H_
#define STORAGE_RPC_CALL_H_

#include <functional>
#include <utility>

#include "grpcpp/grpcpp.h"
#include "storage/rpc/completion.h"

namespace ds::rpc {

// One unary call on a completion queue, from waiting for it to its end; then it frees itself. As
// soon as it is taken the next one waits, so a method always has one waiting per queue.
template <typename In, typename Out>
class UnaryCall {
 public:
  // How gRPC is asked for the next call of the method.
  using Request =
      std::function<void(grpc::ServerContext*, In*, grpc::ServerAsyncResponseWriter<Out>*,
                         grpc::ServerCompletionQueue*, void* tag)>;
  // Has to lead to one Finish, from whatever thread.
  using Handler = std::function<void(UnaryCall& call)>;
  struct Method {
    Request request;
    Handler handler;
    // Whether a call may go on; otherwise the status that ends it. Not set: all may.
    std::function<grpc::Status(const grpc::ServerContext&)> guard = nullptr;
  };

  // `method` and `loop` must outlive the call.
  static void Accept(const Method& method, CompletionLoop& loop,
                     grpc::ServerCompletionQueue& queue) {
    loop.CallBegins();
    auto* const call = new UnaryCall(method, loop, queue);
    method.request(&call->context_, &call->in_, &call->writer_, &queue, &call->accepted_);
  }

  grpc::ServerContext& context() { return context_; }
  In& in() { return in_; }
  Out& out() { return out_; }

  // Ends the call with `out()`, which a status other than OK leaves out.
  void Finish(const grpc::Status& status) { writer_.Finish(out_, status, &finished_); }

 private:
  UnaryCall(const Method& method, CompletionLoop& loop, grpc::ServerCompletionQueue& queue)
      : method_(method), loop_(loop), queue_(queue), writer_(&context_) {}

  void OnAccepted(bool ok) {
    if (!ok) return OnFinished(false);  // the server shuts down
    Accept(method_, loop_, queue_);
    if (method_.guard) {
      const grpc::Status admitted = method_.guard(context_);
      if (!admitted.ok()) return Finish(admitted);
    }
    method_.handler(*this);
  }
  void OnFinished(bool) {
    CompletionLoop& loop = loop_;
    delete this;
    loop.CallEnded();
  }

  const Method& method_;
  CompletionLoop& loop_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  In in_;
  Out out_;
  grpc::ServerAsyncResponseWriter<Out> writer_;
  CompletionOf<UnaryCall> accepted_{*this, &UnaryCall::OnAccepted};
  CompletionOf<UnaryCall> finished_{*this, &UnaryCall::OnFinished};
};

// One server-streaming call, likewise. What a method does with it derives from this class; the
// object is freed when the call has ended and nothing of it is under way.
template <typename In, typename Out>
class StreamingCall {
 public:
  StreamingCall(CompletionLoop& loop, grpc::ServerCompletionQueue& queue)
      : loop_(loop), queue_(queue), writer_(&context_) {
    loop_.CallBegins();
    context_.AsyncNotifyWhenDone(&done_);
  }
  StreamingCall(const StreamingCall&) = delete;
  virtual ~StreamingCall() = default;

 protected:
  // Has the next call of the method wait in another object.
  virtual void AcceptNext() = 0;
  // The call is there. From here on the class writes, one message at a time, and finishes once.
  virtual void Begin() = 0;
  virtual void OnWritten(bool ok) = 0;
  // The client has gone; the call must still be finished.
  virtual void OnCancelled() = 0;

  void StartWrite(const Out& out) { writer_.Write(out, &written_); }
  void Finish(const grpc::Status& status) { writer_.Finish(status, &finished_); }

  CompletionLoop& loop_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  In in_;
  grpc::ServerAsyncWriter<Out> writer_;
  // The tag to wait with.
  CompletionOf<StreamingCall> accepted_{*this, &StreamingCall::Accepted};

 private:
  void Accepted(bool ok) {
    if (!ok) return Free();  // the server shuts down, and `done_` never comes
    AcceptNext();
    Begin();
  }
  void Written(bool ok) { OnWritten(ok); }
  void Finished(bool) { PartEnds(); }
  void Done(bool) {
    if (context_.IsCancelled()) OnCancelled();
    PartEnds();
  }
  // gRPC reports two ends, both on the queue's thread: that of the call and that of Finish.
  void PartEnds() {
    if (++ends_ == 2) Free();
  }
  void Free() {
    CompletionLoop& loop = loop_;
    delete this;
    loop.CallEnded();
  }

  int ends_ = 0;
  CompletionOf<StreamingCall> done_{*this, &StreamingCall::Done};
  CompletionOf<StreamingCall> written_{*this, &StreamingCall::Written};
  CompletionOf<StreamingCall> finished_{*this, &StreamingCall::Finished};
};

}  // namespace ds::rpc

#endif  // STORAGE_RPC_CALL_H_

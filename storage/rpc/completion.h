#ifndef STORAGE_RPC_COMPLETION_H_
#define STORAGE_RPC_COMPLETION_H_

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "grpcpp/grpcpp.h"

namespace ds::rpc {

// What a completion queue hands back when something that was begun is done: the tag that gRPC was
// given is the address of one of these.
class Completion {
 public:
  virtual void Complete(bool ok) = 0;

 protected:
  ~Completion() = default;
};

// Calls a method of its owner.
template <typename Owner>
class CompletionOf final : public Completion {
 public:
  using Method = void (Owner::*)(bool ok);
  CompletionOf(Owner& owner, Method method) : owner_(owner), method_(method) {}
  void Complete(bool ok) override { (owner_.*method_)(ok); }

 private:
  Owner& owner_;
  const Method method_;
};

// The completion queues of a server, each with a thread that handles what completes on it, and the
// calls that live on them.
//
// All methods of the server are served this way: gRPC's callback API has threads of its own that
// watch the same sockets, and then most of what arrives is read by a thread that it is not for.
// That cost the hop a quarter of its latency and more (docs/decisions.md).
class CompletionLoop {
 public:
  CompletionLoop() = default;
  CompletionLoop(const CompletionLoop&) = delete;
  // REQUIRES: stopped, if it was started.
  ~CompletionLoop();

  // Adds the queues to a server that is not started yet.
  void AddTo(grpc::ServerBuilder& builder, size_t threads);
  // Starts the threads. `accept` is called for each queue and has every method wait for its first
  // call there. REQUIRES: the server has started.
  void Start(const std::function<void(grpc::ServerCompletionQueue&)>& accept);
  // Returns when all calls have ended. REQUIRES: the server was shut down.
  void Stop();

  // A call begins, which may still wait for its client, or has ended. Thread-safe.
  void CallBegins();
  void CallEnded();

 private:
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues_;
  std::vector<std::thread> threads_;

  std::mutex mutex_;
  std::condition_variable quiet_;
  size_t calls_ = 0;  // guarded by mutex_
};

}  // namespace ds::rpc

#endif  // STORAGE_RPC_COMPLETION_H_

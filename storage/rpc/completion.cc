#include "storage/rpc/completion.h"

namespace ds::rpc {

CompletionLoop::~CompletionLoop() {
  // Of a server that did not start.
  for (const auto& queue : queues_) {
    queue->Shutdown();
    void* tag;
    bool ok;
    while (queue->Next(&tag, &ok)) {
    }
  }
}

void CompletionLoop::AddTo(grpc::ServerBuilder& builder, size_t threads) {
  for (size_t i = 0; i < threads; ++i) queues_.push_back(builder.AddCompletionQueue());
}

void CompletionLoop::Start(const std::function<void(grpc::ServerCompletionQueue&)>& accept) {
  for (const auto& queue : queues_) {
    accept(*queue);
    threads_.emplace_back([&queue = *queue] {
      void* tag;
      bool ok;
      while (queue.Next(&tag, &ok)) static_cast<Completion*>(tag)->Complete(ok);
    });
  }
}

void CompletionLoop::Stop() {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    quiet_.wait(lock, [this] { return calls_ == 0; });
  }
  for (const auto& queue : queues_) queue->Shutdown();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  queues_.clear();
}

void CompletionLoop::CallBegins() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++calls_;
}

void CompletionLoop::CallEnded() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (--calls_ == 0) quiet_.notify_all();
}

}  // namespace ds::rpc

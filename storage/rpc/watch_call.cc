#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "storage/rpc/call.h"
#include "storage/rpc/convert.h"
#include "storage/rpc/refusal.h"
#include "storage/rpc/streaming_calls.h"

namespace ds::rpc {
namespace {

constexpr size_t kMaxQueuedChanges = 10'000;

class WatchCall final : public StreamingCall<pb::WatchRequest, pb::WatchResponse> {
 public:
  WatchCall(pb::StreamStoreService::AsyncService& service, StreamStore& store,
            const EdgeRules& rules, CompletionLoop& loop, grpc::ServerCompletionQueue& queue)
      : StreamingCall(loop, queue),
        service_(service),
        store_(store),
        rules_(rules),
        link_(std::make_shared<Link>(this)) {
    service_.RequestWatch(&context_, &in_, &writer_, &queue_, &queue_, &accepted_);
  }
  ~WatchCall() override { link_->Detach(); }

 private:
  // What the store holds: it may call after the call has ended.
  class Link final : public WatchObserver {
   public:
    explicit Link(WatchCall* call) : call_(call) {}
    void OnChange(const ChangeEvent& event) override {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (call_ == nullptr || ended_) return;
      if (queue_.size() >= kMaxQueuedChanges) {
        ended_ = true;
        end_ = grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "the client does not keep up");
      } else {
        queue_.push_back(ToProto(event));
      }
      Advance();
    }
    void Sent(bool ok) {
      const std::lock_guard<std::mutex> lock(mutex_);
      sending_ = false;
      if (!ok) ended_ = true;
      Advance();
    }
    void End(const grpc::Status& status) {
      const std::lock_guard<std::mutex> lock(mutex_);
      ended_ = true;
      end_ = status;
      Advance();
    }
    // Ends the call before anything was sent.
    void Refuse(const grpc::Status& status) {
      sending_ = false;
      End(status);
    }
    void Detach() {
      const std::lock_guard<std::mutex> lock(mutex_);
      call_ = nullptr;
    }

   private:
    // REQUIRES: mutex_ is held.
    void Advance() {
      if (sending_ || finished_ || call_ == nullptr) return;
      if (ended_) {
        finished_ = true;
        call_->Finish(end_);
      } else if (!queue_.empty()) {
        out_ = std::move(queue_.front());
        queue_.pop_front();
        sending_ = true;
        call_->StartWrite(out_);
      }
    }

    std::mutex mutex_;
    // Guarded by mutex_.
    WatchCall* call_;
    std::deque<pb::WatchResponse> queue_;
    pb::WatchResponse out_;
    grpc::Status end_;
    bool sending_ = true;  // first the initial metadata
    bool ended_ = false;
    bool finished_ = false;
  };

  void AcceptNext() override { new WatchCall(service_, store_, rules_, loop_, queue_); }
  void Begin() override {
    grpc::Status admitted = rules_.Admit(context_);
    PathPattern pattern;
    if (admitted.ok()) {
      const absl::Status status = TakePattern(in_.mutable_pattern(), pattern);
      if (!status.ok()) admitted = Refuse(context_, status);
    }
    if (!admitted.ok()) return link_->Refuse(admitted);
    subscription_ = store_.Watch(std::move(pattern), link_);
    // Tells the client that nothing is missed from now on.
    writer_.SendInitialMetadata(&begun_);
  }
  void OnBegun(bool ok) { link_->Sent(ok); }
  void OnWritten(bool ok) override { link_->Sent(ok); }
  void OnCancelled() override { link_->End(grpc::Status::CANCELLED); }

  pb::StreamStoreService::AsyncService& service_;
  StreamStore& store_;
  const EdgeRules& rules_;
  const std::shared_ptr<Link> link_;
  std::unique_ptr<Subscription> subscription_;
  CompletionOf<WatchCall> begun_{*this, &WatchCall::OnBegun};
};

}  // namespace

void AcceptWatch(pb::StreamStoreService::AsyncService& service, StreamStore& store,
                 const EdgeRules& rules, CompletionLoop& loop, grpc::ServerCompletionQueue& queue) {
  new WatchCall(service, store, rules, loop, queue);
}

}  // namespace ds::rpc

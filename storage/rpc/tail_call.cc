#include <memory>
#include <mutex>
#include <utility>

#include "storage/rpc/call.h"
#include "storage/rpc/convert.h"
#include "storage/rpc/refusal.h"
#include "storage/rpc/streaming_calls.h"

namespace ds::rpc {
namespace {

class TailCall final : public StreamingCall<pb::TailRequest, pb::TailResponse> {
 public:
  TailCall(pb::StreamStoreService::AsyncService& service, StreamStore& store,
           const EdgeRules& rules, CompletionLoop& loop, grpc::ServerCompletionQueue& queue)
      : StreamingCall(loop, queue),
        service_(service),
        store_(store),
        rules_(rules),
        link_(std::make_shared<Link>(this)) {
    service_.RequestTail(&context_, &in_, &writer_, &queue_, &queue_, &accepted_);
  }
  ~TailCall() override { link_->Detach(); }

 private:
  // What the store holds: it may call after the call has ended.
  class Link final : public TailObserver {
   public:
    explicit Link(TailCall* call) : call_(call) {}
    void OnTail(const TailEvent&) override { Wake(); }
    void Wake() {
      const std::lock_guard<std::recursive_mutex> lock(mutex_);
      news_ = true;
      if (call_ != nullptr && std::exchange(waiting_, false)) call_->ReadOn();
    }
    // False when there is news already.
    bool Wait() {
      const std::lock_guard<std::recursive_mutex> lock(mutex_);
      if (std::exchange(news_, false)) return false;
      waiting_ = true;
      return true;
    }
    void Detach() {
      const std::lock_guard<std::recursive_mutex> lock(mutex_);
      call_ = nullptr;
    }

   private:
    std::recursive_mutex mutex_;
    TailCall* call_;
    bool news_ = false;
    bool waiting_ = false;
  };

  void AcceptNext() override { new TailCall(service_, store_, rules_, loop_, queue_); }
  void Begin() override {
    const grpc::Status admitted = rules_.Admit(context_);
    if (!admitted.ok()) return End(admitted);
    absl::Status status = TakePath(in_.mutable_path(), next_.path);
    if (status.ok()) status = FromProto(in_.position(), next_);
    if (!status.ok()) return End(Refuse(context_, status));
    subscription_ = store_.Tail(next_.path, link_, [](const HeadResult&) {});
    ReadOn();
  }
  void OnWritten(bool ok) override {
    if (!ok || last_) return End(grpc::Status::OK);
    ReadOn();
  }
  void OnCancelled() override { link_->Wake(); }

  void ReadOn() {
    if (context_.IsCancelled()) return End(grpc::Status::CANCELLED);
    store_.Read(next_, [this](ReadResult result) { Take(std::move(result)); });
  }

  void Take(ReadResult result) {
    if (!result.status.ok()) return End(Refuse(context_, result.status));
    const bool first = std::exchange(first_, false);
    next_.from = ReadRequest::From::kOffset;
    next_.offset = result.next;
    last_ = result.at_end();
    // The first response comes at once, so that a client knows where it stands.
    if (result.chunk == nullptr && !last_ && !first) {
      if (!link_->Wait()) ReadOn();
      return;
    }
    out_.Clear();
    out_.set_start(result.start.ToString());
    out_.set_next(result.next.ToString());
    out_.set_up_to_date(result.up_to_date);
    out_.set_closed(last_);
    const std::vector<uint32_t>& sizes = result.message_sizes();
    out_.mutable_message_sizes()->Add(sizes.begin(), sizes.end());
    out_.set_data(result.data());
    StartWrite(out_);
  }

  void End(const grpc::Status& status) {
    if (!std::exchange(ended_, true)) Finish(status);
  }

  pb::StreamStoreService::AsyncService& service_;
  StreamStore& store_;
  const EdgeRules& rules_;
  const std::shared_ptr<Link> link_;
  std::unique_ptr<Subscription> subscription_;
  ReadRequest next_;
  pb::TailResponse out_;
  bool first_ = true;
  bool last_ = false;
  bool ended_ = false;
};

}  // namespace

void AcceptTail(pb::StreamStoreService::AsyncService& service, StreamStore& store,
                const EdgeRules& rules, CompletionLoop& loop, grpc::ServerCompletionQueue& queue) {
  new TailCall(service, store, rules, loop, queue);
}

}  // namespace ds::rpc

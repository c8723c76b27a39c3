#include "storage/rpc/session.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "storage/api/errors.h"
#include "storage/rpc/convert.h"

namespace ds::rpc {
namespace {

// Calls that may be under way before the next message is read.
constexpr size_t kMaxCallsUnderWay = 16'384;
// Events that wait for a gateway that does not read; beyond it, what it follows is cut off.
constexpr uint64_t kMaxQueuedBytes = 64u << 20;
constexpr uint64_t kMaxMessageBytes = 4u << 20;

class Session;

// What callbacks of the store hold: it outlives the reactor, whose calls may still be under way
// when the gateway goes.
class SessionState : public std::enable_shared_from_this<SessionState> {
 public:
  SessionState(Session& reactor, StreamStore& store) : reactor_(&reactor), store_(store) {}

  void Dispatch(pb::SessionCall&& call);
  void Answer(pb::SessionAnswer&& answer, bool ends_call);
  void Event(pb::SessionAnswer&& answer, uint64_t id);
  void WriteDone(bool ok);
  void ReadDone(bool ok);
  void Cancelled();
  // The reactor is about to be deleted.
  void Detach();

 private:
  class Follower;
  class Watcher;

  template <typename Result, typename Finish>
  auto Reply(uint64_t id, Finish finish);
  void Refuse(uint64_t id, const absl::Status& status, const AppendResult* append = nullptr);
  // Puts what waits into a message, if none is being written: then whoever called has to call
  // StartWrite of the returned reactor, without the lock, since gRPC writes to the socket in there.
  // No reactor ends while a message is being written.
  Session* PrepareLocked();
  void Write(Session* reactor);
  void StartReadLocked();
  void FinishIfDoneLocked();

  std::mutex mutex_;
  // Guarded by mutex_.
  Session* reactor_;
  StreamStore& store_;
  std::vector<pb::SessionAnswer> queue_;
  uint64_t queued_bytes_ = 0;
  size_t under_way_ = 0;
  bool writing_ = false;
  bool reading_ = true;
  bool ended_ = false;
  bool finished_ = false;
  pb::SessionResponse out_;
  std::unordered_map<uint64_t, std::unique_ptr<Subscription>> subscriptions_;
};

class Session final : public grpc::ServerBidiReactor<pb::SessionRequest, pb::SessionResponse> {
 public:
  explicit Session(StreamStore& store) : state_(std::make_shared<SessionState>(*this, store)) {
    StartSendInitialMetadata();
    StartRead(&in_);
  }
  void OnReadDone(bool ok) override { state_->ReadDone(ok); }
  void OnWriteDone(bool ok) override { state_->WriteDone(ok); }
  void OnCancel() override { state_->Cancelled(); }
  void OnDone() override {
    state_->Detach();
    delete this;
  }

 private:
  friend class SessionState;
  const std::shared_ptr<SessionState> state_;
  pb::SessionRequest in_;
};

class SessionState::Follower final : public TailObserver {
 public:
  Follower(std::shared_ptr<SessionState> session, uint64_t id)
      : session_(std::move(session)), id_(id) {}
  void OnTail(const TailEvent& event) override {
    pb::SessionAnswer answer;
    answer.set_id(id_);
    *answer.mutable_tail() = ToProto(event);
    session_->Event(std::move(answer), id_);
  }

 private:
  const std::shared_ptr<SessionState> session_;
  const uint64_t id_;
};

class SessionState::Watcher final : public WatchObserver {
 public:
  Watcher(std::shared_ptr<SessionState> session, uint64_t id)
      : session_(std::move(session)), id_(id) {}
  void OnChange(const ChangeEvent& event) override {
    pb::SessionAnswer answer;
    answer.set_id(id_);
    *answer.mutable_change() = ToProto(event);
    session_->Event(std::move(answer), id_);
  }

 private:
  const std::shared_ptr<SessionState> session_;
  const uint64_t id_;
};

template <typename Result, typename Finish>
auto SessionState::Reply(uint64_t id, Finish finish) {
  return [self = shared_from_this(), id, finish](Result result) {
    if (!result.status.ok()) return self->Refuse(id, result.status);
    pb::SessionAnswer answer;
    answer.set_id(id);
    finish(answer, std::move(result));
    self->Answer(std::move(answer), /*ends_call=*/true);
  };
}

void SessionState::Refuse(uint64_t id, const absl::Status& status, const AppendResult* append) {
  pb::SessionAnswer answer;
  answer.set_id(id);
  *answer.mutable_error() = ToErrorDetail(status);
  if (append != nullptr) *answer.mutable_error()->mutable_append() = ToProto(*append);
  Answer(std::move(answer), /*ends_call=*/true);
}

void SessionState::Dispatch(pb::SessionCall&& call) {
  const uint64_t id = call.id();
  switch (call.call_case()) {
    case pb::SessionCall::kCreate: {
      CreateRequest request;
      const absl::Status status = FromProto(std::move(*call.mutable_create()), request);
      if (!status.ok()) return Refuse(id, status);
      return store_.Create(std::move(request),
                           Reply<CreateResult>(id, [](pb::SessionAnswer& answer, CreateResult r) {
                             *answer.mutable_create() = ToProto(r);
                           }));
    }
    case pb::SessionCall::kAppend: {
      AppendRequest request;
      const absl::Status status = FromProto(std::move(*call.mutable_append()), request);
      if (!status.ok()) return Refuse(id, status);
      return store_.Append(std::move(request),
                           [self = shared_from_this(), id](const AppendResult& result) {
                             if (!result.status.ok()) {
                               return self->Refuse(id, result.status, &result);
                             }
                             pb::SessionAnswer answer;
                             answer.set_id(id);
                             *answer.mutable_append() = ToProto(result);
                             self->Answer(std::move(answer), /*ends_call=*/true);
                           });
    }
    case pb::SessionCall::kRead: {
      ReadRequest request;
      const absl::Status status = FromProto(call.read(), request);
      if (!status.ok()) return Refuse(id, status);
      return store_.Read(std::move(request),
                         Reply<ReadResult>(id, [](pb::SessionAnswer& answer, ReadResult r) {
                           *answer.mutable_read() = ToProto(std::move(r));
                         }));
    }
    case pb::SessionCall::kHead:
      return store_.Head({call.head().path(), call.head().renew()},
                         Reply<HeadResult>(id, [](pb::SessionAnswer& answer, HeadResult r) {
                           *answer.mutable_head()->mutable_info() = ToProto(r.info);
                         }));
    case pb::SessionCall::kDelete:
      return store_.Delete({call.delete_().path()},
                           Reply<DeleteResult>(id, [](pb::SessionAnswer& answer, DeleteResult) {
                             answer.mutable_delete_();
                           }));
    case pb::SessionCall::kList: {
      ListRequest request{call.list().prefix(), call.list().page_token()};
      if (call.list().page_size() > 0) request.page_size = call.list().page_size();
      return store_.List(std::move(request),
                         Reply<ListResult>(id, [](pb::SessionAnswer& answer, ListResult r) {
                           *answer.mutable_list() = ToProto(r);
                         }));
    }
    case pb::SessionCall::kFollow: {
      auto subscription =
          store_.Tail(call.follow().path(), std::make_shared<Follower>(shared_from_this(), id),
                      Reply<HeadResult>(id, [](pb::SessionAnswer& answer, HeadResult r) {
                        *answer.mutable_head()->mutable_info() = ToProto(r.info);
                      }));
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!ended_) subscriptions_[id] = std::move(subscription);
      return;
    }
    case pb::SessionCall::kWatch: {
      auto subscription =
          store_.Watch(call.watch().pattern(), std::make_shared<Watcher>(shared_from_this(), id));
      const std::lock_guard<std::mutex> lock(mutex_);
      --under_way_;
      if (!ended_) subscriptions_[id] = std::move(subscription);
      return;
    }
    case pb::SessionCall::kCancel: {
      std::unique_ptr<Subscription> ended;
      const std::lock_guard<std::mutex> lock(mutex_);
      --under_way_;
      const auto it = subscriptions_.find(call.cancel());
      if (it == subscriptions_.end()) return;
      ended = std::move(it->second);
      subscriptions_.erase(it);
      return;
    }
    case pb::SessionCall::CALL_NOT_SET:
      return Refuse(id, MakeError(ErrorCode::kBadRequest, "a call of an unknown kind"));
  }
}

void SessionState::Answer(pb::SessionAnswer&& answer, bool ends_call) {
  const uint64_t size = answer.ByteSizeLong();
  Session* writer;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (ends_call) --under_way_;
    if (reactor_ == nullptr || ended_) return;
    queued_bytes_ += size;
    queue_.push_back(std::move(answer));
    writer = PrepareLocked();
    StartReadLocked();
  }
  Write(writer);
}

void SessionState::Event(pb::SessionAnswer&& answer, uint64_t id) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (queued_bytes_ > kMaxQueuedBytes) {
      // The subscription itself goes when the gateway cancels it, as it does on this event.
      answer.Clear();
      answer.set_id(id);
      answer.mutable_tail()->set_kind(pb::TailEvent::KIND_LOST);
    }
  }
  Answer(std::move(answer), /*ends_call=*/false);
}

Session* SessionState::PrepareLocked() {
  if (writing_ || queue_.empty() || finished_) return nullptr;
  out_.Clear();
  uint64_t bytes = 0;
  size_t count = 0;
  while (count < queue_.size() && (count == 0 || bytes < kMaxMessageBytes)) {
    bytes += queue_[count].ByteSizeLong();
    *out_.add_answers() = std::move(queue_[count++]);
  }
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
  queued_bytes_ -= std::min(queued_bytes_, bytes);
  writing_ = true;
  return reactor_;
}

void SessionState::Write(Session* reactor) {
  if (reactor != nullptr) reactor->StartWrite(&out_);
}

void SessionState::StartReadLocked() {
  if (reading_ || ended_ || under_way_ > kMaxCallsUnderWay) return;
  reading_ = true;
  reactor_->StartRead(&reactor_->in_);
}

void SessionState::ReadDone(bool ok) {
  pb::SessionRequest request;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    reading_ = false;
    if (!ok) {
      ended_ = true;
      FinishIfDoneLocked();
    } else {
      request.Swap(&reactor_->in_);
      under_way_ += static_cast<size_t>(request.calls_size());
    }
  }
  if (!ok) return Cancelled();
  for (pb::SessionCall& call : *request.mutable_calls()) Dispatch(std::move(call));
  const std::lock_guard<std::mutex> lock(mutex_);
  if (reactor_ != nullptr) StartReadLocked();
}

void SessionState::WriteDone(bool ok) {
  Session* writer;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    writing_ = false;
    if (!ok) ended_ = true;
    if (ended_) return FinishIfDoneLocked();
    writer = PrepareLocked();
    StartReadLocked();
  }
  Write(writer);
}

void SessionState::FinishIfDoneLocked() {
  if (finished_ || writing_ || reactor_ == nullptr) return;
  finished_ = true;
  reactor_->Finish(grpc::Status::OK);
}

void SessionState::Cancelled() {
  std::unordered_map<uint64_t, std::unique_ptr<Subscription>> subscriptions;
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
  subscriptions.swap(subscriptions_);
  FinishIfDoneLocked();
}

void SessionState::Detach() {
  const std::lock_guard<std::mutex> lock(mutex_);
  reactor_ = nullptr;
}

}  // namespace

grpc::ServerBidiReactor<pb::SessionRequest, pb::SessionResponse>* StartSession(StreamStore& store) {
  return new Session(store);
}

}  // namespace ds::rpc

#include "storage/rpc/session.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/turn.h"
#include "spdlog/spdlog.h"
#include "storage/api/errors.h"
#include "storage/rpc/convert.h"
#include "storage/rpc/convert_subscriptions.h"

namespace ds::rpc {
namespace {

// Calls that may be under way before the next message is read.
constexpr size_t kMaxCallsUnderWay = 16'384;
// Streams and patterns that one gateway follows at the same time.
constexpr size_t kMaxFollowed = 1'000'000;
// What may wait for a gateway that does not read. Beyond it events are lost, and it is told so.
constexpr uint64_t kMaxQueuedBytes = 64u << 20;
constexpr uint64_t kMaxMessageBytes = 4u << 20;

}  // namespace

class Session;

// What callbacks of the store hold: it outlives the session, whose calls may still be under way
// when the gateway goes.
class SessionState : public std::enable_shared_from_this<SessionState> {
 public:
  SessionState(Session& session, StreamStore& store, const EdgeRules& rules)
      : session_(&session), store_(store), rules_(rules) {}

  void Dispatch(pb::SessionCall&& call);
  void Answer(pb::SessionAnswer&& answer, bool ends_call);
  // What is told of one subscription. Where there is no room for it, `loss` is told instead, once:
  // `lost` remembers that, until there is room again or, with `for_good`, for ever.
  void Event(pb::SessionAnswer&& answer, pb::SessionAnswer&& loss, bool for_good, bool& lost);
  void Opened(bool ok);
  void WriteDone(bool ok);
  void ReadDone(bool ok);
  // The session is about to be deleted.
  void Detach();
  // Tells the gateway to half-close the session.
  void Drain();

 private:
  class Follower;
  class Watcher;

  template <typename Result, typename Finish>
  auto Reply(uint64_t id, Finish finish);
  void Refuse(uint64_t id, pb::ErrorDetail detail);
  void Refuse(uint64_t id, const absl::Status& status) { Refuse(id, ToErrorDetail(status)); }
  // Whether the session may follow one thing more.
  bool MayFollow();
  // Puts what waits into a message, if none is being written: then whoever called has to call Write
  // with the returned session, without the lock, since gRPC writes to the socket in there. No
  // session ends while a message is being written.
  Session* PrepareLocked();
  void Write(Session* session);
  void StartReadLocked();
  void EndLocked();
  void FinishIfDoneLocked();
  void FinishIfDrainedLocked();

  std::mutex mutex_;
  // Guarded by mutex_.
  Session* session_;
  StreamStore& store_;
  const EdgeRules& rules_;
  std::vector<pb::SessionAnswer> queue_;
  uint64_t queued_bytes_ = 0;
  size_t under_way_ = 0;
  bool writing_ = true;  // the initial metadata
  bool reading_ = false;
  bool drain_unsaid_ = false;  // the gateway is to be told
  bool half_closed_ = false;   // the gateway sends no more calls
  bool ended_ = false;
  bool finished_ = false;
  pb::SessionResponse out_;
  std::unordered_map<uint64_t, std::unique_ptr<Subscription>> subscriptions_;
};

// One session, from waiting for a gateway to its end; then it frees itself.
class Session {
 public:
  Session(pb::StreamStoreService::AsyncService& service, StreamStore& store, const EdgeRules& rules,
          Sessions& sessions, CompletionLoop& loop, grpc::ServerCompletionQueue& queue)
      : service_(service),
        store_(store),
        rules_(rules),
        sessions_(sessions),
        loop_(loop),
        queue_(queue),
        stream_(&context_),
        state_(std::make_shared<SessionState>(*this, store, rules)) {
    loop_.CallBegins();
    service_.RequestSession(&context_, &stream_, &queue_, &queue_, &accepted_);
  }

  void Read() { stream_.Read(&in_, &read_); }
  void Write(const pb::SessionResponse& out) {
    const std::lock_guard<std::mutex> lock(write_mutex_);
    stream_.Write(out, &written_);
  }
  void Finish() { stream_.Finish(grpc::Status::OK, &finished_); }
  pb::SessionRequest& in() { return in_; }

 private:
  void OnAccepted(bool ok) {
    if (!ok) return OnFinished(false);  // the server shuts down
    new Session(service_, store_, rules_, sessions_, loop_, queue_);
    const grpc::Status admitted = rules_.Admit(context_);
    if (!admitted.ok()) return stream_.Finish(admitted, &finished_);
    sessions_.Add(state_);
    stream_.SendInitialMetadata(&opened_);
  }
  void OnOpened(bool ok) { state_->Opened(ok); }
  void OnRead(bool ok) { state_->ReadDone(ok); }
  void OnWritten(bool ok) {
    { const std::lock_guard<std::mutex> returned(write_mutex_); }
    state_->WriteDone(ok);
  }
  void OnFinished(bool) {
    sessions_.Remove(state_.get());
    state_->Detach();
    CompletionLoop& loop = loop_;
    delete this;
    loop.CallEnded();
  }

  pb::StreamStoreService::AsyncService& service_;
  StreamStore& store_;
  const EdgeRules& rules_;
  Sessions& sessions_;
  CompletionLoop& loop_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  grpc::ServerAsyncReaderWriter<pb::SessionResponse, pb::SessionRequest> stream_;
  const std::shared_ptr<SessionState> state_;
  // Held while a message is handed over, so that its end is not handled before that has returned.
  std::mutex write_mutex_;
  pb::SessionRequest in_;
  CompletionOf<Session> accepted_{*this, &Session::OnAccepted};
  CompletionOf<Session> opened_{*this, &Session::OnOpened};
  CompletionOf<Session> read_{*this, &Session::OnRead};
  CompletionOf<Session> written_{*this, &Session::OnWritten};
  CompletionOf<Session> finished_{*this, &Session::OnFinished};
};

class SessionState::Follower final : public TailObserver {
 public:
  Follower(std::shared_ptr<SessionState> session, uint64_t id)
      : session_(std::move(session)), id_(id) {}
  void OnTail(const TailEvent& event) override {
    pb::SessionAnswer answer;
    answer.set_id(id_);
    *answer.mutable_tail() = ToProto(event);
    pb::SessionAnswer loss;
    loss.set_id(id_);
    loss.mutable_tail()->set_kind(pb::TailEvent::KIND_LOST);
    // The gateway follows anew; until it cancels this there is nothing more to say.
    session_->Event(std::move(answer), std::move(loss), /*for_good=*/true, lost_);
  }

 private:
  const std::shared_ptr<SessionState> session_;
  const uint64_t id_;
  bool lost_ = false;  // guarded by the session's mutex
};

class SessionState::Watcher final : public WatchObserver {
 public:
  Watcher(std::shared_ptr<SessionState> session, uint64_t id)
      : session_(std::move(session)), id_(id) {}
  void OnChange(const ChangeEvent& event) override {
    pb::SessionAnswer answer;
    answer.set_id(id_);
    *answer.mutable_change() = ToProto(event);
    pb::SessionAnswer loss;
    loss.set_id(id_);
    loss.mutable_change()->set_kind(pb::WatchResponse::KIND_LOST);
    session_->Event(std::move(answer), std::move(loss), /*for_good=*/false, lost_);
  }

 private:
  const std::shared_ptr<SessionState> session_;
  const uint64_t id_;
  bool lost_ = false;  // guarded by the session's mutex
};

template <typename Result, typename Finish>
auto SessionState::Reply(uint64_t id, Finish finish) {
  return [self = shared_from_this(), id, finish](Result result) {
    if (!result.status.ok()) return self->Refuse(id, ToRefusal(result));
    pb::SessionAnswer answer;
    answer.set_id(id);
    finish(answer, std::move(result));
    self->Answer(std::move(answer), /*ends_call=*/true);
  };
}

void SessionState::Refuse(uint64_t id, pb::ErrorDetail detail) {
  pb::SessionAnswer answer;
  answer.set_id(id);
  *answer.mutable_error() = std::move(detail);
  Answer(std::move(answer), /*ends_call=*/true);
}

CallContext ContextOf(const pb::SessionCall& call) {
  CallContext context;
  if (call.trace_span() != 0) {
    context.trace = {call.trace_high(), call.trace_low(), call.trace_span(),
                     static_cast<uint8_t>(call.trace_flags())};
    if (spdlog::should_log(spdlog::level::debug)) {
      spdlog::debug("trace={} parent={:016x} call={}", context.trace.trace_id(), context.trace.span,
                    static_cast<int>(call.call_case()));
    }
  }
  if (call.timeout_ms() > 0) {
    context.deadline =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(call.timeout_ms());
  }
  return context;
}

void SessionState::Dispatch(pb::SessionCall&& call) {
  const uint64_t id = call.id();
  const CallContext context = ContextOf(call);
  switch (call.call_case()) {
    case pb::SessionCall::kCreate: {
      CreateRequest request;
      const absl::Status status =
          FromProto(std::move(*call.mutable_create()), rules_.max_body_bytes, request);
      if (!status.ok()) return Refuse(id, status);
      request.context = context;
      return store_.Create(std::move(request),
                           Reply<CreateResult>(id, [](pb::SessionAnswer& answer, CreateResult r) {
                             *answer.mutable_create() = ToProto(r);
                           }));
    }
    case pb::SessionCall::kAppend: {
      AppendRequest request;
      const absl::Status status =
          FromProto(std::move(*call.mutable_append()), rules_.max_body_bytes, request);
      if (!status.ok()) return Refuse(id, status);
      request.context = context;
      return store_.Append(std::move(request), Reply<AppendResult>(id, [](pb::SessionAnswer& answer,
                                                                          const AppendResult& r) {
                             *answer.mutable_append() = ToProto(r);
                           }));
    }
    case pb::SessionCall::kRead: {
      ReadRequest request;
      const absl::Status status = FromProto(std::move(*call.mutable_read()), request);
      if (!status.ok()) return Refuse(id, status);
      request.context = context;
      return store_.Read(std::move(request),
                         Reply<ReadResult>(id, [](pb::SessionAnswer& answer, ReadResult r) {
                           *answer.mutable_read() = ToProto(std::move(r));
                         }));
    }
    case pb::SessionCall::kHead: {
      HeadRequest request;
      const absl::Status status = FromProto(std::move(*call.mutable_head()), request);
      if (!status.ok()) return Refuse(id, status);
      request.context = context;
      return store_.Head(std::move(request),
                         Reply<HeadResult>(id, [](pb::SessionAnswer& answer, HeadResult r) {
                           *answer.mutable_head()->mutable_info() = ToProto(r.info);
                         }));
    }
    case pb::SessionCall::kDelete: {
      DeleteRequest request;
      const absl::Status status = FromProto(std::move(*call.mutable_delete_()), request);
      if (!status.ok()) return Refuse(id, status);
      request.context = context;
      return store_.Delete(std::move(request),
                           Reply<DeleteResult>(id, [](pb::SessionAnswer& answer, DeleteResult) {
                             answer.mutable_delete_();
                           }));
    }
    case pb::SessionCall::kList: {
      ListRequest request;
      const absl::Status status = FromProto(std::move(*call.mutable_list()), request);
      if (!status.ok()) return Refuse(id, status);
      request.context = context;
      return store_.List(std::move(request),
                         Reply<ListResult>(id, [](pb::SessionAnswer& answer, ListResult r) {
                           *answer.mutable_list() = ToProto(r);
                         }));
    }
    case pb::SessionCall::kSubscriptions: {
      SubscriptionCall request;
      const absl::Status status = FromProto(call.subscriptions(), request);
      if (!status.ok()) return Refuse(id, status);
      request.context = context;
      return store_.Subscriptions(
          std::move(request), [self = shared_from_this(), id](const SubscriptionAnswer& result) {
            pb::SessionAnswer answer;
            answer.set_id(id);
            if (result.status.ok()) {
              *answer.mutable_subscriptions() = ToProto(result);
            } else {
              *answer.mutable_error() = ToErrorDetail(result.status);
              *answer.mutable_error()->mutable_subscriptions() = ToProto(result);
            }
            self->Answer(std::move(answer), /*ends_call=*/true);
          });
    }
    case pb::SessionCall::kFollow: {
      StreamPath path;
      absl::Status status = TakePath(call.mutable_follow()->mutable_path(), path);
      if (status.ok() && !MayFollow()) status = MakeError(ErrorCode::kOverloaded);
      if (!status.ok()) return Refuse(id, status);
      auto subscription =
          store_.Tail(std::move(path), std::make_shared<Follower>(shared_from_this(), id),
                      Reply<HeadResult>(id, [](pb::SessionAnswer& answer, HeadResult r) {
                        *answer.mutable_head()->mutable_info() = ToProto(r.info);
                      }));
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!ended_) subscriptions_[id] = std::move(subscription);
      return;
    }
    case pb::SessionCall::kWatch: {
      PathPattern pattern;
      absl::Status status = TakePattern(call.mutable_watch()->mutable_pattern(), pattern);
      if (status.ok() && !MayFollow()) status = MakeError(ErrorCode::kOverloaded);
      if (!status.ok()) return Refuse(id, status);
      auto subscription =
          store_.Watch(std::move(pattern), std::make_shared<Watcher>(shared_from_this(), id));
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

bool SessionState::MayFollow() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return subscriptions_.size() < kMaxFollowed;
}

void SessionState::Answer(pb::SessionAnswer&& answer, bool ends_call) {
  const uint64_t size = answer.ByteSizeLong();
  Session* writer;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (ends_call) --under_way_;
    if (ended_) return;
    queued_bytes_ += size;
    queue_.push_back(std::move(answer));
    writer = PrepareLocked();
    StartReadLocked();
  }
  Write(writer);
}

void SessionState::Event(pb::SessionAnswer&& answer, pb::SessionAnswer&& loss, bool for_good,
                         bool& lost) {
  bool full;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    full = queued_bytes_ > kMaxQueuedBytes;
    if (lost && (full || for_good)) return;
    lost = full;
  }
  Answer(full ? std::move(loss) : std::move(answer), /*ends_call=*/false);
}

Session* SessionState::PrepareLocked() {
  if (writing_ || (queue_.empty() && !drain_unsaid_) || finished_) return nullptr;
  out_.Clear();
  out_.set_draining(std::exchange(drain_unsaid_, false));
  uint64_t bytes = 0;
  size_t count = 0;
  while (count < queue_.size() && (count == 0 || bytes < kMaxMessageBytes)) {
    bytes += queue_[count].ByteSizeLong();
    *out_.add_answers() = std::move(queue_[count++]);
  }
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
  queued_bytes_ -= std::min(queued_bytes_, bytes);
  writing_ = true;
  return session_;
}

void SessionState::Write(Session* session) {
  if (session != nullptr) session->Write(out_);
}

void SessionState::StartReadLocked() {
  if (reading_ || half_closed_ || ended_ || under_way_ > kMaxCallsUnderWay) return;
  reading_ = true;
  session_->Read();
}

void SessionState::Opened(bool ok) {
  Session* writer;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    writing_ = false;
    if (!ok) return EndLocked();
    writer = PrepareLocked();  // the drain may have begun
    StartReadLocked();
  }
  Write(writer);
}

void SessionState::ReadDone(bool ok) {
  pb::SessionRequest request;
  std::unordered_map<uint64_t, std::unique_ptr<Subscription>> ended;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    reading_ = false;
    if (!ok) {
      // The gateway sends no more, or is gone; then writing to it fails.
      ended.swap(subscriptions_);
      half_closed_ = true;
      return FinishIfDrainedLocked();
    }
    request.Swap(&session_->in());
    under_way_ += static_cast<size_t>(request.calls_size());
  }
  {
    // Those who are woken are so before gRPC asks for more, which it does by a message of its own.
    const Turn turn;
    for (pb::SessionCall& call : *request.mutable_calls()) Dispatch(std::move(call));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  StartReadLocked();
}

void SessionState::WriteDone(bool ok) {
  Session* writer;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    writing_ = false;
    if (!ok || ended_) return EndLocked();
    writer = PrepareLocked();
    StartReadLocked();
    if (writer == nullptr) FinishIfDrainedLocked();
  }
  Write(writer);
}

void SessionState::EndLocked() {
  ended_ = true;
  FinishIfDoneLocked();
}

void SessionState::FinishIfDoneLocked() {
  // A broken stream fails whatever is under way, so both come to an end.
  if (finished_ || writing_ || reading_) return;
  finished_ = true;
  session_->Finish();
}

void SessionState::FinishIfDrainedLocked() {
  // Of a session that has ended, what is queued is sent no more.
  if (ended_ || (half_closed_ && under_way_ == 0 && queue_.empty())) EndLocked();
}

void SessionState::Drain() {
  Session* writer;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (ended_ || half_closed_) return;
    drain_unsaid_ = true;
    writer = PrepareLocked();
  }
  Write(writer);
}

void SessionState::Detach() {
  const std::lock_guard<std::mutex> lock(mutex_);
  session_ = nullptr;
  ended_ = true;
}

void Sessions::Add(const std::shared_ptr<SessionState>& session) {
  bool draining;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    sessions_[session.get()] = session;
    draining = draining_;
  }
  if (draining) session->Drain();
}

void Sessions::Remove(const SessionState* session) {
  const std::lock_guard<std::mutex> lock(mutex_);
  sessions_.erase(session);
}

size_t Sessions::count() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return sessions_.size();
}

void Sessions::Drain() {
  std::vector<std::shared_ptr<SessionState>> open;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    draining_ = true;
    for (const auto& [state, session] : sessions_) {
      if (auto held = session.lock()) open.push_back(std::move(held));
    }
  }
  for (const auto& session : open) session->Drain();
}

void AcceptSession(pb::StreamStoreService::AsyncService& service, StreamStore& store,
                   const EdgeRules& rules, Sessions& sessions, CompletionLoop& loop,
                   grpc::ServerCompletionQueue& queue) {
  new Session(service, store, rules, sessions, loop, queue);
}

}  // namespace ds::rpc

#include "storage/rpc/remote_store.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/alarm.h"
#include "grpcpp/grpcpp.h"
#include "proto/durablestreams/v1/stream_store.grpc.pb.h"
#include "spdlog/spdlog.h"
#include "storage/api/errors.h"
#include "storage/rpc/client_session.h"
#include "storage/rpc/convert.h"
#include "storage/rpc/convert_subscriptions.h"
#include "storage/rpc/credentials.h"
#include "storage/rpc/keepalive.h"
#include "storage/rpc/remote_probe.h"
#include "storage/rpc/tokens.h"

namespace ds::rpc {
namespace {

// Between a session and the next attempt. (gRPC has a backoff of its own, for connections.)
constexpr absl::Duration kPause = absl::Milliseconds(20);
// After the storage has refused the gateway's token, until it may know it.
constexpr absl::Duration kRefusedPause = absl::Seconds(1);
// How long calls wait for a storage that is being started again, before they are refused.
constexpr absl::Duration kConnectTimeout = absl::Seconds(1);
constexpr uint64_t kMaxMessageBytes = 4u << 20;
// Calls that may wait for the storage, together.
constexpr uint64_t kMaxQueuedBytes = 256u << 20;
constexpr int kMaxRepeats = 3;

// Where an answer goes. Exactly one of the two is called, once; `event` any number of times before.
struct Pending {
  pb::SessionCall call;
  UniqueFunction<void(pb::SessionAnswer&&)> answer;
  UniqueFunction<void(const absl::Status&)> fail;
  bool repeatable = false;  // the call may be sent again when nobody knows what became of it
  bool writes = false;
  bool sent = false;
  int repeats = 0;
  uint64_t size = 0;
  SteadyTime deadline = CallContext::kNoDeadline;
};

// Whether the storage ended a session because of who asked for it.
bool IsRefused(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAUTHENTICATED;
}

bool IsWrite(const pb::SessionCall& call) {
  return call.has_create() || call.has_append() || call.has_delete_() ||
         (call.has_subscriptions() && !call.subscriptions().has_get() &&
          !call.subscriptions().has_signing_keys());
}

// What may be asked twice without harm. (The second of two equal creations would say that there was
// one, and a second claim, ack or release be refused for the first one's work.)
bool IsRepeatable(const SubscriptionCall::Operation& operation) {
  return std::holds_alternative<SubscriptionCall::Get>(operation) ||
         std::holds_alternative<SubscriptionCall::SigningKeys>(operation) ||
         std::holds_alternative<SubscriptionCall::Delete>(operation) ||
         std::holds_alternative<SubscriptionCall::AddStreams>(operation) ||
         std::holds_alternative<SubscriptionCall::RemoveStream>(operation);
}

pb::SessionCall NewCall(const CallContext& context) {
  pb::SessionCall call;
  if (context.trace.valid()) {
    call.set_trace_high(context.trace.trace_high);
    call.set_trace_low(context.trace.trace_low);
    call.set_trace_span(context.trace.span);
    call.set_trace_flags(context.trace.flags);
  }
  return call;
}

// What is left until the deadline, as it goes along: clocks of two machines differ.
uint32_t TimeoutMs(SteadyTime deadline, SteadyTime now) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(left, 1, 1u << 31));
}

class RemoteStoreImpl final : public RemoteStore, private ClientSession::Observer {
 public:
  RemoteStoreImpl(const Options& options,
                  const std::shared_ptr<grpc::ChannelCredentials>& credentials)
      : own_metrics_(options.metrics == nullptr ? std::make_unique<Metrics>() : nullptr),
        probe_(options.metrics != nullptr ? *options.metrics : *own_metrics_),
        token_file_(options.token_file),
        call_timeout_(options.call_timeout),
        deadlines_([this] { return FailOverdue(); }) {
    if (options.metrics != nullptr) {
      sampling_ = options.metrics->Sample([this](Samples& samples) { Sample(samples); });
    }
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetMaxSendMessageSize(-1);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2'000);  // for one attempt to connect
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 250);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMilliseconds);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    stub_ = pb::StreamStoreService::NewStub(
        grpc::CreateCustomChannel(options.target, credentials, arguments));
    thread_ = std::thread([this] { KeepConnected(); });
  }

  ~RemoteStoreImpl() override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
      if (session_ != nullptr) session_->Cancel();
    }
    wake_.notify_all();
    thread_.join();
    deadlines_.Stop();
  }

  bool connected() const override {
    const std::lock_guard<std::mutex> lock(mutex_);
    return open_;
  }

  void Create(CreateRequest request, Callback<CreateResult> done) override {
    pb::SessionCall call = NewCall(request.context);
    const SteadyTime deadline = request.context.deadline;
    *call.mutable_create() = ToProto(std::move(request));
    Send<CreateResult>(deadline, std::move(call), /*repeatable=*/false, std::move(done),
                       [](pb::SessionAnswer& answer) { return FromProto(answer.create()); });
  }

  void Append(AppendRequest request, Callback<AppendResult> done) override {
    pb::SessionCall call = NewCall(request.context);
    const bool repeatable = request.producer.has_value();
    const SteadyTime deadline = request.context.deadline;
    *call.mutable_append() = ToProto(std::move(request));
    Send<AppendResult>(deadline, std::move(call), repeatable, std::move(done),
                       [](pb::SessionAnswer& answer) { return FromProto(answer.append()); });
  }

  void Read(ReadRequest request, Callback<ReadResult> done) override {
    pb::SessionCall call = NewCall(request.context);
    *call.mutable_read() = ToProto(request);
    Send<ReadResult>(
        request.context.deadline, std::move(call), /*repeatable=*/true, std::move(done),
        [](pb::SessionAnswer& answer) { return FromProto(std::move(*answer.mutable_read())); });
  }

  void Head(HeadRequest request, Callback<HeadResult> done) override {
    pb::SessionCall call = NewCall(request.context);
    call.mutable_head()->set_path(std::move(request.path).text());
    call.mutable_head()->set_renew(request.renew);
    Send<HeadResult>(request.context.deadline, std::move(call), /*repeatable=*/true,
                     std::move(done), TakeHead);
  }

  void Delete(DeleteRequest request, Callback<DeleteResult> done) override {
    pb::SessionCall call = NewCall(request.context);
    const SteadyTime deadline = request.context.deadline;
    *call.mutable_delete_() = ToProto(std::move(request));
    Send<DeleteResult>(deadline, std::move(call), /*repeatable=*/false, std::move(done),
                       [](pb::SessionAnswer&) { return DeleteResult{}; });
  }

  void List(ListRequest request, Callback<ListResult> done) override {
    pb::SessionCall call = NewCall(request.context);
    call.mutable_list()->set_prefix(std::move(request.prefix));
    call.mutable_list()->set_page_token(std::move(request.page_token));
    call.mutable_list()->set_page_size(request.page_size);
    Send<ListResult>(request.context.deadline, std::move(call), /*repeatable=*/true,
                     std::move(done),
                     [](pb::SessionAnswer& answer) { return FromProto(answer.list()); });
  }

  void Subscriptions(SubscriptionCall request, Callback<SubscriptionAnswer> done) override {
    pb::SessionCall call = NewCall(request.context);
    *call.mutable_subscriptions() = ToProto(request);
    Send<SubscriptionAnswer>(
        request.context.deadline, std::move(call), IsRepeatable(request.operation), std::move(done),
        [](pb::SessionAnswer& answer) { return FromProto(answer.subscriptions()); });
  }

  std::unique_ptr<Subscription> Tail(StreamPath path, std::shared_ptr<TailObserver> observer,
                                     Callback<HeadResult> ready) override {
    pb::SessionCall call;
    call.mutable_follow()->set_path(std::move(path).text());
    const uint64_t id = next_id_++;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      followers_[id] = std::move(observer);
    }
    // Not repeatable: after a break the observer gets kLost and its owner begins anew.
    Send<HeadResult>(CallContext::kNoDeadline, std::move(call), /*repeatable=*/false,
                     std::move(ready), TakeHead, id);
    return std::make_unique<Handle>(*this, id);
  }

  std::unique_ptr<Subscription> Watch(PathPattern pattern,
                                      std::shared_ptr<WatchObserver> observer) override {
    const uint64_t id = next_id_++;
    ClientSession* writer = nullptr;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      watchers_[id] = {pattern.text(), std::move(observer), open_};
      if (open_) EnqueueLocked(WatchCall(id, pattern.text()));
      writer = PrepareLocked();
    }
    if (writer != nullptr) writer->Write();
    return std::make_unique<Handle>(*this, id);
  }

 private:
  void OnOpened() override;
  void OnReceived(pb::SessionResponse&& response) override;
  void OnWritten() override;
  bool OnEnding() override;
  void HalfCloseIfDraining();
  // The session has ended.
  void Broken(const grpc::Status& status);

  class Handle final : public Subscription {
   public:
    Handle(RemoteStoreImpl& store, uint64_t id) : store_(store), id_(id) {}
    ~Handle() override { store_.Unsubscribe(id_); }

   private:
    RemoteStoreImpl& store_;
    const uint64_t id_;
  };
  struct WatcherEntry {
    std::string pattern;
    std::shared_ptr<WatchObserver> observer;
    bool begun = false;  // the storage has heard of it, on this session or an earlier one
  };

  static HeadResult TakeHead(pb::SessionAnswer& answer) {
    return {absl::OkStatus(), FromProto(answer.head().info())};
  }

  // A call that nobody waits for.
  static Pending WatchCall(uint64_t id, const std::string& pattern) {
    Pending pending;
    pending.call.set_id(id);
    pending.call.mutable_watch()->set_pattern(pattern);
    return pending;
  }

  template <typename Result, typename Take>
  void Send(SteadyTime deadline, pb::SessionCall call, bool repeatable, Callback<Result> done,
            Take take, uint64_t id = 0) {
    auto shared = std::make_shared<Callback<Result>>(std::move(done));
    Pending pending;
    pending.deadline = deadline;
    pending.call = std::move(call);
    pending.call.set_id(id != 0 ? id : next_id_++);
    pending.repeatable = repeatable;
    pending.answer = [shared, take](pb::SessionAnswer&& answer) {
      Result result;
      if (!answer.has_error()) {
        result = take(answer);
      } else if constexpr (std::is_same_v<Result, SubscriptionAnswer>) {
        result = FromProto(answer.error().subscriptions());
        result.status = FromErrorDetail(answer.error());
      } else {
        result = FromRefusal<Result>(answer.error());
      }
      (*shared)(std::move(result));
    };
    pending.fail = [shared](const absl::Status& status) {
      Result result;
      result.status = status;
      (*shared)(std::move(result));
    };
    Submit(std::move(pending));
  }

  void Submit(Pending pending) {
    pending.size = pending.call.ByteSizeLong();
    pending.writes = IsWrite(pending.call);
    if (pending.deadline == CallContext::kNoDeadline && call_timeout_ > absl::ZeroDuration()) {
      pending.deadline =
          std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(call_timeout_);
    }
    const SteadyTime deadline = pending.deadline;
    absl::Status refusal;
    ClientSession* writer = nullptr;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_) {
        refusal = MakeError(ErrorCode::kShuttingDown);
      } else if (down_) {
        refusal = MakeError(ErrorCode::kStorageUnavailable);
      } else if (queued_bytes_ + pending.size > kMaxQueuedBytes) {
        refusal = MakeError(ErrorCode::kOverloaded);
      } else {
        EnqueueLocked(std::move(pending));
        writer = PrepareLocked();
      }
    }
    if (!refusal.ok()) {
      probe_.refused.Increment();
      return pending.fail(refusal);
    }
    deadlines_.At(deadline);
    if (writer != nullptr) writer->Write();
  }

  // Answers the calls whose deadlines have passed, whatever the storage does; returns the next
  // deadline.
  SteadyTime FailOverdue() {
    const SteadyTime now = std::chrono::steady_clock::now();
    SteadyTime next = CallContext::kNoDeadline;
    std::vector<Pending> overdue;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      for (auto it = pending_.begin(); it != pending_.end();) {
        Pending& pending = it->second;
        if (pending.deadline > now || !pending.fail) {
          next = std::min(next, pending.deadline);
          ++it;
          continue;
        }
        if (!pending.sent) queued_bytes_ -= std::min(queued_bytes_, pending.size);
        overdue.push_back(std::move(pending));
        it = pending_.erase(it);
      }
    }
    for (Pending& pending : overdue) {
      probe_.overdue.Increment();
      // Also what is to be sent again: the first sending may have been applied.
      const bool uncertain = pending.sent && pending.writes;
      pending.fail(MakeError(uncertain ? ErrorCode::kWriteUncertain : ErrorCode::kDeadlineExceeded,
                             uncertain
                                 ? "the storage did not answer in time"
                                 : "the storage could not be asked, or did not answer, in time"));
    }
    return next;
  }

  void EnqueueLocked(Pending pending, bool first = false) {
    const uint64_t id = pending.call.id();
    queued_bytes_ += pending.size;
    pending_.emplace(id, std::move(pending));
    queue_.insert(first ? queue_.begin() : queue_.end(), id);
  }

  // Puts what waits into a message, if none is being sent: then whoever called has to call Write of
  // the returned session, without the lock.
  ClientSession* PrepareLocked() {
    if (!open_ || ended_ || draining_ || session_ == nullptr || writing_ || queue_.empty())
      return nullptr;
    session_->out.Clear();
    const SteadyTime now = std::chrono::steady_clock::now();
    uint64_t bytes = 0;
    while (!queue_.empty() && bytes < kMaxMessageBytes) {
      const auto it = pending_.find(queue_.front());
      queue_.pop_front();
      if (it == pending_.end()) continue;
      Pending& pending = it->second;
      bytes += pending.size;
      queued_bytes_ -= std::min(queued_bytes_, pending.size);
      pending.sent = true;
      if (pending.deadline != CallContext::kNoDeadline) {
        pending.call.set_timeout_ms(TimeoutMs(pending.deadline, now));
      }
      const bool answered = static_cast<bool>(pending.answer);
      if (pending.repeatable) {
        *session_->out.add_calls() = pending.call;
      } else {
        *session_->out.add_calls() = std::move(pending.call);
      }
      if (!answered) pending_.erase(it);
    }
    if (session_->out.calls_size() == 0) return nullptr;
    probe_.requests.Increment(session_->out.calls_size());
    probe_.messages.Increment();
    writing_ = true;
    return session_.get();
  }

  void Unsubscribe(uint64_t id) {
    std::shared_ptr<TailObserver> follower;  // released outside the lock
    std::shared_ptr<WatchObserver> watcher;
    ClientSession* writer = nullptr;
    std::unique_lock<std::mutex> lock(mutex_);
    if (const auto it = followers_.find(id); it != followers_.end()) {
      follower = std::move(it->second);
      followers_.erase(it);
    } else if (const auto w = watchers_.find(id); w != watchers_.end()) {
      watcher = std::move(w->second.observer);
      watchers_.erase(w);
    } else {
      return;  // ended before
    }
    if (!open_) return;
    Pending cancel;
    cancel.call.set_id(next_id_++);
    cancel.call.set_cancel(id);
    EnqueueLocked(std::move(cancel));
    writer = PrepareLocked();
    lock.unlock();
    if (writer != nullptr) writer->Write();
  }

  // The first of the file with which to call the storage; empty for none. It is read again for each
  // session, so that it can be exchanged.
  std::string token() const {
    if (token_file_.empty()) return {};
    const absl::StatusOr<std::vector<std::string>> tokens = ReadTokens(token_file_);
    if (tokens.ok()) return tokens->front();
    spdlog::error("{}", std::string(tokens.status().message()));
    return {};
  }
  void KeepConnected();
  void Sample(Samples& samples) const;

  const std::unique_ptr<Metrics> own_metrics_;  // where nobody wants them
  RemoteProbe probe_;
  const std::string token_file_;
  const absl::Duration call_timeout_;
  std::unique_ptr<pb::StreamStoreService::Stub> stub_;
  std::atomic<uint64_t> next_id_{1};

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::unique_ptr<ClientSession> session_;
  bool open_ = false;
  bool ended_ = false;  // the session is over
  // The storage stops: nothing more is to be sent on this session, which must be told so.
  bool draining_ = false;
  bool half_closed_ = false;
  bool down_ = false;  // the last attempt to open one failed
  bool stopping_ = false;
  bool writing_ = false;
  std::unordered_map<uint64_t, Pending> pending_;
  std::deque<uint64_t> queue_;  // ids in pending_ that are to be sent
  uint64_t queued_bytes_ = 0;
  std::unordered_map<uint64_t, std::shared_ptr<TailObserver>> followers_;
  std::unordered_map<uint64_t, WatcherEntry> watchers_;

  Alarm deadlines_;
  std::thread thread_;
  Metrics::Sampling sampling_;  // last: it ends first
};

void RemoteStoreImpl::Sample(Samples& samples) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  samples.Gauge("durable_streams_hop_connected", "1 while a session with the storage is open.",
                open_ ? 1 : 0);
  samples.Gauge("durable_streams_hop_in_flight", "Calls that wait for the storage's answer.",
                static_cast<double>(pending_.size()));
  samples.Gauge("durable_streams_hop_queued_bytes", "Bytes that wait to be sent to the storage.",
                static_cast<double>(queued_bytes_));
}

void RemoteStoreImpl::OnOpened() {
  ClientSession* writer = nullptr;
  std::vector<std::shared_ptr<WatchObserver>> lost;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    open_ = true;
    down_ = false;
    probe_.sessions.Increment();
    for (auto& [id, watcher] : watchers_) {
      // Before what waits: a list that is asked for after the watch tells of all before it.
      EnqueueLocked(WatchCall(id, watcher.pattern), /*first=*/true);
      if (std::exchange(watcher.begun, true)) lost.push_back(watcher.observer);
    }
    writer = PrepareLocked();
  }
  if (writer != nullptr) writer->Write();
  spdlog::info("connected to the storage");
  // What happened between the sessions.
  for (const auto& observer : lost) observer->OnChange({.kind = ChangeEvent::Kind::kLost});
}

void RemoteStoreImpl::OnWritten() {
  ClientSession* writer = nullptr;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    writing_ = false;
    writer = PrepareLocked();
  }
  if (writer != nullptr) writer->Write();
  HalfCloseIfDraining();
}

void RemoteStoreImpl::HalfCloseIfDraining() {
  ClientSession* closing = nullptr;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!draining_ || half_closed_ || writing_ || ended_) return;
    half_closed_ = writing_ = true;
    closing = session_.get();
  }
  closing->HalfClose();
}

bool RemoteStoreImpl::OnEnding() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
  return writing_;
}

void RemoteStoreImpl::OnReceived(pb::SessionResponse&& response) {
  for (pb::SessionAnswer& answer : *response.mutable_answers()) {
    const uint64_t id = answer.id();
    if (answer.answer_case() == pb::SessionAnswer::kTail) {
      std::shared_ptr<TailObserver> observer;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto it = followers_.find(id);
        if (it != followers_.end()) observer = it->second;
      }
      if (observer != nullptr) observer->OnTail(FromProto(std::move(*answer.mutable_tail())));
      continue;
    }
    if (answer.answer_case() == pb::SessionAnswer::kChange) {
      std::shared_ptr<WatchObserver> observer;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto it = watchers_.find(id);
        if (it != watchers_.end()) observer = it->second.observer;
      }
      if (observer != nullptr) observer->OnChange(FromProto(answer.change()));
      continue;
    }
    Pending pending;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const auto it = pending_.find(id);
      if (it == pending_.end()) continue;
      pending = std::move(it->second);
      pending_.erase(it);
    }
    pending.answer(std::move(answer));
  }
  if (!response.draining()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    draining_ = true;
  }
  HalfCloseIfDraining();
}

void RemoteStoreImpl::Broken(const grpc::Status& status) {
  std::vector<Pending> failed;
  std::vector<std::shared_ptr<TailObserver>> lost;
  bool was_open;
  bool stopping;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    // One that was refused seems open for a moment, and nothing was done on it.
    was_open = open_ && !IsRefused(status);
    stopping = stopping_;
    open_ = false;
    writing_ = false;
    // After an open session broke, what waits may hope for the next; after a failed attempt not.
    down_ = !was_open;
    queue_.clear();
    queued_bytes_ = 0;
    for (auto it = pending_.begin(); it != pending_.end();) {
      Pending& pending = it->second;
      const bool keep = was_open && !stopping && pending.answer && pending.repeats < kMaxRepeats &&
                        (!pending.sent || pending.repeatable) && !followers_.contains(it->first);
      if (keep) {
        ++pending.repeats;
        if (pending.sent) probe_.repeats.Increment();
        ++it;
      } else {
        failed.push_back(std::move(pending));
        it = pending_.erase(it);
      }
    }
    // Requests keep their order: ids grow in the order of the calls.
    for (const auto& [id, pending] : pending_) {
      queue_.push_back(id);
      queued_bytes_ += pending.size;
    }
    std::sort(queue_.begin(), queue_.end());
    for (auto& [id, observer] : followers_) lost.push_back(std::move(observer));
    followers_.clear();
  }
  if (was_open && !stopping) {
    probe_.breaks.Increment();
    spdlog::warn("the connection to the storage broke: {}", status.error_message());
  }
  // Before the calls that failed: whoever made one knows then why.
  for (const auto& observer : lost) observer->OnTail({.kind = TailEvent::Kind::kLost});
  for (Pending& pending : failed) {
    if (!pending.fail) continue;
    probe_.refused.Increment();
    // Also what was sent again and failed: the first sending may have been applied.
    const bool uncertain = pending.sent && pending.writes && !IsRefused(status);
    pending.fail(
        MakeError(uncertain ? ErrorCode::kWriteUncertain : ErrorCode::kStorageUnavailable));
  }
}

void RemoteStoreImpl::KeepConnected() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    ended_ = draining_ = half_closed_ = false;
    ClientSession::Observer& observer = *this;
    session_ = std::make_unique<ClientSession>(*stub_, observer, token());
    ClientSession& current = *session_;
    lock.unlock();
    const grpc::Status status = current.Run(kConnectTimeout);
    Broken(status);
    lock.lock();
    session_.reset();
    if (stopping_) break;
    const bool refused = IsRefused(status);
    if (refused) spdlog::error("the storage refuses this gateway: {}", status.error_message());
    wake_.wait_for(lock, absl::ToChronoMilliseconds(refused ? kRefusedPause : kPause),
                   [this] { return stopping_; });
  }
  // Whatever still waits is told.
  std::vector<Pending> rest;
  for (auto& [id, pending] : pending_) rest.push_back(std::move(pending));
  pending_.clear();
  lock.unlock();
  for (Pending& pending : rest) {
    if (pending.fail) pending.fail(MakeError(ErrorCode::kShuttingDown));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<RemoteStore>> RemoteStore::Connect(const Options& options) {
  const auto credentials = MakeChannelCredentials(options.tls);
  if (!credentials.ok()) return credentials.status();
  if (!options.token_file.empty()) {
    const absl::StatusOr<std::vector<std::string>> tokens = ReadTokens(options.token_file);
    if (!tokens.ok()) return tokens.status();
  }
  return std::make_unique<RemoteStoreImpl>(options, *credentials);
}

}  // namespace ds::rpc

#include "storage/engine/stream_writer.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/limited_log.h"
#include "base/turn.h"
#include "spdlog/spdlog.h"
#include "storage/api/errors.h"
#include "storage/core/condition.h"
#include "storage/core/content_type.h"
#include "storage/engine/internal_error.h"
#include "storage/engine/metadata.h"
#include "storage/engine/registry.h"

namespace ds {
namespace {

// How long a sweep may go on before it is committed: others wait for it.
constexpr auto kMaxSweepTime = std::chrono::microseconds(500);
// How far a sweep looks ahead for what is due next.
constexpr int64_t kSweepAheadNanos = 1'000'000'000;
// A commit takes the mark of the clock along when it is older than the one; without commits it is
// renewed when it is older than the other. After a reboot so much of the running time may be
// missing.
constexpr absl::Duration kMarkInterval = absl::Seconds(10);
constexpr absl::Duration kMaxMarkAge = absl::Minutes(10);
constexpr absl::Duration kResumeInterval = absl::Milliseconds(200);

absl::Status WriteError(const rocksdb::Status& status) {
  if (status.IsNoSpace()) return MakeError(ErrorCode::kStorageFull);
  return MakeError(ErrorCode::kWriteUncertain, "the storage reports: " + status.ToString());
}

}  // namespace

StreamWriter::StreamWriter(Options options, Database& database, StreamCache& cache, TailHub& hub,
                           RecordReader& reader, StoreClock& clock, EngineProbe& probe)
    : with_registry_(options.registry),
      limits_(options.limits),
      database_(database),
      cache_(cache),
      reader_(reader),
      clock_(clock),
      probe_(probe),
      quota_(limits_.streams_per_prefix),
      census_(database, quota_),
      ids_(database),
      batch_(database, cache, census_, deletions_),
      announcements_(hub, clock),
      subscriptions_({.webhooks = std::move(options.webhooks),
                      .secret_keys = std::move(options.secret_keys),
                      .limits = limits_},
                     database, batch_, reader, *this, clock, probe) {}

absl::Status StreamWriter::Start(LossDetector& losses) {
  const std::lock_guard<std::mutex> working(mutex_);
  const absl::StatusOr<std::string> cut = losses.WhyLost();
  if (!cut.ok()) return cut.status();
  rocksdb::WriteBatch begin;
  absl::Status ready = ids_.Load(std::max(clock_.Wall(), clock_.Now()), !cut->empty(), begin);
  if (!ready.ok()) return ready;
  losses.Begin(begin);
  const rocksdb::Status written = database_.WriteSynced(begin);
  if (!written.ok()) {
    return absl::UnavailableError("cannot write to the data directory: " + written.ToString());
  }
  ready = losses.FinishBegin();
  if (!ready.ok()) return ready;
  if (!cut->empty()) {
    spdlog::warn(
        "storage: {}: the newest data may be missing; offsets of what is missing answer 410", *cut);
  }
  cache_.SetFirstSoundIncarnation(ids_.first_sound());
  const absl::Status loaded = subscriptions_.Load();
  if (!loaded.ok()) return loaded;
  census_.Start();
  const absl::Status recorded = with_registry_ ? EnsureRegistry() : absl::OkStatus();
  return recorded.ok() ? deletions_.Load(database_) : recorded;
}

absl::Status StreamWriter::EnsureRegistry() {
  absl::StatusOr<EntryPtr> found = cache_.Find(kRegistryPath);
  if (!found.ok()) return found.status();
  registry_ = *found;
  if (registry_ != nullptr) {
    if (IsJson(registry_->config.content_type) && !registry_->state.closed) {
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(
        "--registry needs the stream __registry__, which exists but is no open JSON stream");
  }
  StreamConfig config;
  config.content_type = "application/json";
  config.created_at = clock_.Wall();
  config.lineage = Lineage(NextStreamId());
  registry_ = AddStream(kRegistryPath, std::move(config), /*closed=*/false);
  const absl::Status written = WriteBatch();
  batch_.Clear();
  return written;
}

bool StreamWriter::Recovered() {
  if (!write_failed_) return true;
  const absl::Time now = clock_.Now();
  if (now < retry_at_) return false;
  retry_at_ = now + kResumeInterval;
  const rocksdb::Status resumed = database_.Resume();
  if (resumed.severity() >= rocksdb::Status::kFatalError && !needs_restart_) {
    needs_restart_ = true;
    spdlog::critical("storage: writes stay refused until the server is started again");
  }
  if (!resumed.ok()) return false;
  write_failed_ = false;
  accepts_writes_ = true;
  spdlog::info("storage: writes work again");
  return true;
}

void StreamWriter::Apply(Operation& operation) {
  if (!Recovered()) {
    return Refuse(operation,
                  GetErrorCode(failure_) == ErrorCode::kStorageFull
                      ? failure_
                      : MakeError(ErrorCode::kStorageUnavailable, std::string(failure_.message())));
  }
  const SteadyTime deadline = DeadlineOf(operation);
  if (deadline != CallContext::kNoDeadline && deadline < std::chrono::steady_clock::now()) {
    return Refuse(operation, MakeError(ErrorCode::kDeadlineExceeded));
  }
  ++probe_.batch.operations;
  std::visit([this](auto& one) { ApplyOne(one); }, operation);
}

absl::StatusOr<EntryPtr> StreamWriter::Find(const std::string& path) {
  absl::StatusOr<EntryPtr> found = cache_.Find(path);
  if (!found.ok() || *found == nullptr) return found;
  if ((*found)->removal_pending) {
    Commit();
    found = cache_.Find(path);
    if (!found.ok() || *found == nullptr) return found;
  }
  if (!(*found)->state.soft_deleted && (*found)->IsOver(clock_)) {
    Remove(*found, ChangeEvent::Kind::kExpired);
    Commit();
    found = cache_.Find(path);
  }
  return found;
}

absl::Status StreamWriter::LoadProducer(const EntryPtr& entry, const std::string& id) {
  if (entry->producers == nullptr) {
    entry->producers = std::make_unique<std::unordered_map<std::string, ProducerState>>();
  }
  if (entry->producers_complete || entry->producers->contains(id)) return absl::OkStatus();
  std::string value;
  const rocksdb::Status status =
      database_.Get(Family::kProducers, ProducerKey(entry->config.lineage.stream_id(), id), &value);
  if (status.IsNotFound()) return absl::OkStatus();
  ProducerState state;
  if (!status.ok() || !DecodeProducer(value, state)) {
    return absl::DataLossError("cannot read a producer: " + status.ToString());
  }
  entry->producers->emplace(id, state);
  return absl::OkStatus();
}

absl::Status StreamWriter::CheckProducerCount(StreamEntry& entry) {
  const auto most = static_cast<int64_t>(limits_.producers_per_stream);
  if (most == 0) return absl::OkStatus();
  if (entry.producer_count == StreamEntry::kNotCounted) {
    const std::string prefix = EncodeNumber(entry.config.lineage.stream_id());
    const std::unique_ptr<rocksdb::Iterator> it(
        database_.db().NewIterator(rocksdb::ReadOptions(), database_.family(Family::kProducers)));
    int64_t count = 0;
    for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix) && count < most; it->Next())
      ++count;
    if (!it->status().ok()) return InternalError(absl::DataLossError(it->status().ToString()));
    // Those that the batch at work has added are not on the disk yet.
    entry.producer_count = count + batch_.CountNewProducers(entry);
  }
  if (entry.producer_count < most) return absl::OkStatus();
  probe_.refused_producers.Increment();
  return MakeError(
      ErrorCode::kQuotaExceeded,
      absl::StrCat("the stream has ", most, " producers; a client should keep its Producer-Id"));
}

void StreamWriter::ApplyOne(AppendOperation& append) {
  AppendRequest& request = append.request;
  AppendResult result;
  const auto answer_now = [&](absl::Status status) {
    result.status = std::move(status);
    answers_.push_back(
        Answer<AppendResult>{std::move(append.done), std::move(result), request.context.deadline});
  };
  absl::StatusOr<EntryPtr> found = Find(request.path);
  if (!found.ok()) return answer_now(InternalError(found.status()));
  EntryPtr entry = *found;
  if (entry == nullptr) return answer_now(MakeError(ErrorCode::kStreamNotFound));
  if (entry == registry_) {
    return answer_now(MakeError(ErrorCode::kMethodNotAllowed, "the registry is read-only"));
  }
  std::optional<ProducerState> producer;
  if (request.producer) {
    const absl::Status loaded = LoadProducer(entry, request.producer->id);
    if (!loaded.ok()) return answer_now(InternalError(loaded));
    const auto it = entry->producers->find(request.producer->id);
    if (it != entry->producers->end()) producer = it->second;
  }

  AppendDecision decision =
      DecideAppend(entry->config, entry->state, producer,
                   {request.content_type, request.body.size(), request.stream_seq, request.producer,
                    request.close, std::move(append.body), request.condition.get()});
  result.duplicate = decision.duplicate;
  result.expected_seq = decision.expected_seq;
  if (decision.duplicate) ++probe_.batch.duplicates;
  if (decision.changes && request.producer && !producer) {
    absl::Status room = CheckProducerCount(*entry);
    if (!room.ok()) return answer_now(std::move(room));
  }
  if (!decision.status.ok()) NoteRefused(*entry, decision.status, result);
  if (decision.changes && !request.body.empty()) entry = ContinueIfCut(std::move(entry));
  result.closed = decision.state.closed;
  result.tail = entry->config.lineage.OffsetAt(decision.state.tail);
  if (decision.producer) {
    result.producer_epoch = decision.producer->epoch;
    result.producer_seq = decision.producer->last_seq;
  }
  if (decision.status.ok() && entry->has_ttl()) KeepAccess(entry, clock_.Now());
  if (decision.changes) {
    batch_.Touch(entry);
    if (request.producer) batch_.SetProducer(entry, request.producer->id, *decision.producer);
    WriteAppend(entry, decision.state, std::move(request.body), std::move(append.message_sizes));
  }
  answer_now(std::move(decision.status));
}

EntryPtr StreamWriter::ContinueIfCut(EntryPtr entry) {
  if (!entry->config.lineage.cut()) return entry;
  // What this batch did to the stream so far belongs to the entry that ends here.
  if (batch_.IsTouched(*entry)) Commit();
  StreamConfig config = entry->config;
  config.lineage = config.lineage.ContinueAt(entry->state.tail, NextStreamId());
  auto next = std::make_shared<StreamEntry>(entry->path, std::move(config));
  next->state = entry->state;
  next->timer_nanos = entry->timer_nanos;
  next->producers = std::move(entry->producers);
  next->producers_complete = entry->producers_complete;
  next->producer_count = entry->producer_count;
  next->last_access_nanos = entry->last_access_nanos.load();
  next->persisted_access_nanos = entry->persisted_access_nanos.load();
  next->Publish();
  cache_.Replace(*entry, next);
  batch_.Continued(next);
  batch_.PutMetadata(*next);
  if (entry == registry_) registry_ = next;
  return next;
}

void StreamWriter::NoteRefused(const StreamEntry& entry, const absl::Status& status,
                               AppendResult& result) {
  const ErrorCode code = GetErrorCode(status);
  if (code == ErrorCode::kPreconditionFailed) result.current = VersionOf(entry.config, entry.state);
  if (code == ErrorCode::kProducerFenced) probe_.producer_fenced.Increment();
  if (code == ErrorCode::kProducerSequenceGap) probe_.producer_gaps.Increment();
}

void StreamWriter::WriteAppend(const EntryPtr& entry, const StreamState& state, std::string body,
                               std::vector<uint32_t> message_sizes) {
  const uint64_t start = entry->state.tail;
  const bool closes = state.closed && !entry->state.closed;
  entry->state = state;
  ChunkPtr chunk;
  if (!body.empty()) {
    ++probe_.batch.appends;
    probe_.batch.append_bytes += body.size();
    probe_.batch.append_messages += message_sizes.size();
    chunk = std::make_shared<const Chunk>(Chunk{std::move(body), std::move(message_sizes)});
    batch_.Append(entry, start, chunk);
  }
  if (closes) batch_.PutMetadata(*entry);
  const bool has_data = chunk != nullptr;
  announcements_.Add(Announcements::Append{entry, start, state.tail, closes, std::move(chunk)});
  if (has_data) subscriptions_.OnAppended(*entry);
}

void StreamWriter::ApplyOne(DeleteOperation& remove) {
  DeleteResult result;
  absl::StatusOr<EntryPtr> found = Find(remove.request.path);
  if (!found.ok()) {
    result.status = InternalError(found.status());
  } else if (*found == nullptr) {
    result.status = MakeError(ErrorCode::kStreamNotFound);
  } else if (*found == registry_) {
    result.status = MakeError(ErrorCode::kMethodNotAllowed, "the registry is read-only");
  } else if ((*found)->state.soft_deleted) {
    result.status = MakeError(ErrorCode::kStreamGone);
  } else {
    const StreamVersion current = VersionOf((*found)->config, (*found)->state);
    result.status = JudgeCondition(remove.request.condition.get(), current);
    if (result.status.ok()) {
      Remove(*found, ChangeEvent::Kind::kDeleted);
    } else {
      result.current = current;
    }
  }
  answers_.push_back(Answer<DeleteResult>{std::move(remove.done), std::move(result),
                                          remove.request.context.deadline});
}

void StreamWriter::Remove(EntryPtr entry, ChangeEvent::Kind reason) {
  quota_.Note(entry->path, -1);
  announcements_.Add(Announcements::Gone{entry});
  subscriptions_.OnRemoved(*entry);
  Record({reason, entry->path, entry->config.content_type, entry->config.lineage.stream_id(),
          entry->config.lineage.OffsetAt(entry->state.tail), clock_.Wall()});
  batch_.Touch(entry);
  if (entry->state.fork_count > 0) {
    entry->state.soft_deleted = true;
    batch_.DropTimer(*entry);
    batch_.PutMetadata(*entry);
    return;
  }
  // A fork's end may be the end of its source, and of that one's source.
  while (true) {
    batch_.DeleteStream(*entry);
    batch_.Removed(entry);
    if (!entry->config.is_fork()) return;
    absl::StatusOr<EntryPtr> found = cache_.Find(entry->config.source_path);
    if (!found.ok() || *found == nullptr ||
        (*found)->config.lineage.stream_id() != entry->config.source_id) {
      spdlog::error("storage: the source of a fork is missing");
      return;
    }
    entry = *found;
    batch_.Touch(entry);
    --entry->state.fork_count;
    if (!entry->state.soft_deleted || entry->state.fork_count > 0) {
      batch_.PutMetadata(*entry);
      return;
    }
  }
}

void StreamWriter::Record(ChangeEvent event) {
  if (registry_ != nullptr) {
    AppendMessage(registry_, RegistryMessage(event));
  }
  if (event.kind == ChangeEvent::Kind::kCreated) probe_.streams_created.Increment();
  if (event.kind == ChangeEvent::Kind::kDeleted) probe_.streams_deleted.Increment();
  if (event.kind == ChangeEvent::Kind::kExpired) probe_.streams_expired.Increment();
  announcements_.Add(std::move(event));
}

void StreamWriter::KeepAccess(const EntryPtr& entry, absl::Time now) {
  const int64_t nanos = absl::ToUnixNanos(now);
  entry->last_access_nanos.store(nanos);
  const int64_t step = absl::ToInt64Nanoseconds(RenewalStep(entry->config.lifetime));
  if (nanos - entry->persisted_access_nanos.load() < step) return;
  entry->persisted_access_nanos.store(nanos);
  batch_.PutMetadata(*entry);
}

bool StreamWriter::IsCurrent(const EntryPtr& entry) {
  if (entry->removal_pending || entry->state.soft_deleted) return false;
  const absl::StatusOr<EntryPtr> current = cache_.Find(entry->path);
  return current.ok() && *current == entry;
}

void StreamWriter::ApplyOne(const RenewOperation& renew) {
  if (IsCurrent(renew.entry)) batch_.PutMetadata(*renew.entry);
}

void StreamWriter::ApplyOne(RepackOperation& repack) {
  MaintenanceResult result;
  if (IsCurrent(repack.entry)) {
    batch_.ReplaceRecords(*repack.entry, repack);
  } else {
    result.status = MakeError(ErrorCode::kStreamNotFound);
  }
  answers_.push_back(Answer<MaintenanceResult>{std::move(repack.done), std::move(result)});
}

void StreamWriter::ApplyOne(RemovalOperation& removal) {
  batch_.Remove(removal);
  answers_.push_back(Answer<MaintenanceResult>{std::move(removal.done), {}});
}

void StreamWriter::ApplyOne(SubscriptionOperation& operation) {
  const bool writes = Writes(operation.call.operation);
  SubscriptionAnswer answer = subscriptions_.Apply(operation);
  answers_.push_back(Answer<SubscriptionAnswer>{std::move(operation.done), std::move(answer),
                                                operation.call.context.deadline, writes});
}

void StreamWriter::ApplyOne(const WebhookResultOperation& result) { subscriptions_.Apply(result); }

EntryPtr StreamWriter::FindLive(const std::string& path) {
  const absl::StatusOr<EntryPtr> found = cache_.Find(path);
  if (!found.ok() || *found == nullptr || (*found)->removal_pending ||
      (*found)->state.soft_deleted || (*found)->IsOver(clock_)) {
    return nullptr;
  }
  return *found;
}

void StreamWriter::AppendMessage(const EntryPtr& before, std::string message) {
  const EntryPtr entry = ContinueIfCut(before);
  if (entry->has_ttl()) KeepAccess(entry, clock_.Now());
  batch_.Touch(entry);
  StreamState state = entry->state;
  state.tail += message.size();
  std::vector<uint32_t> sizes;
  if (IsJson(entry->config.content_type)) sizes.push_back(static_cast<uint32_t>(message.size()));
  WriteAppend(entry, state, std::move(message), std::move(sizes));
}

void StreamWriter::OnTime() {
  clock_.Check();
  if (write_failed_) {
    next_due_nanos_.store(std::numeric_limits<int64_t>::max(), std::memory_order_relaxed);
    return;
  }
  if (clock_.Uptime() - marked_at_ >= kMaxMarkAge) {
    MarkClock();
    Commit();
  }
  if (absl::ToUnixNanos(clock_.Now()) >= subscriptions_.next_due_nanos()) {
    subscriptions_.OnTime();
    Commit();
  }
  for (Sweep& sweep : sweeps_) Expire(sweep);
  next_due_nanos_.store(NextDue(), std::memory_order_relaxed);
}

int64_t StreamWriter::NextDue() const {
  const auto& [lasting, calendar] = sweeps_;
  if (lasting.next_nanos == kMoreIsDue || calendar.next_nanos == kMoreIsDue) return kMoreIsDue;
  return std::min({lasting.next_nanos,
                   calendar.next_nanos - absl::ToInt64Nanoseconds(clock_.offset()),
                   subscriptions_.next_due_nanos()});
}

void StreamWriter::MarkClock() {
  batch_.PutClockMark(clock_.Mark());
  marked_at_ = clock_.Uptime();
}

void StreamWriter::PutTimer(StreamEntry& entry, absl::Time deadline) {
  // Keys are unsigned, and 0 stands for no timer.
  const int64_t nanos = std::max<int64_t>(absl::ToUnixNanos(deadline), 1);
  Sweep& sweep = sweeps_[entry.has_ttl() ? 0 : 1];
  sweep.from = std::min(sweep.from, batch_.PutTimer(entry, nanos));
  sweep.next_nanos = std::min(sweep.next_nanos, nanos);
}

void StreamWriter::Expire(Sweep& sweep) {
  const int64_t now = absl::ToUnixNanos(sweep.calendar ? clock_.AcceptedWall() : clock_.Now());
  if (now < sweep.next_nanos) return;
  // From where the last sweep ended, and not far: elsewhere there may be many tombstones, and each
  // sweep would walk over all of them.
  const std::string from = std::max(sweep.from, TimerKey({0, 0, sweep.calendar}));
  const std::string to = TimerKey({now + kSweepAheadNanos, 0, sweep.calendar});
  const rocksdb::Slice lower(from);
  const rocksdb::Slice upper(to);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower;
  options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(
      database_.db().NewIterator(options, database_.family(Family::kTimers)));
  int64_t next = now + kSweepAheadNanos;
  std::string unread;  // the first timer whose stream could not be read
  const auto end = std::chrono::steady_clock::now() + kMaxSweepTime;
  for (it->Seek(lower); it->Valid(); it->Next()) {
    const std::optional<Timer> timer = DecodeTimerKey(ToView(it->key()));
    if (timer && timer->deadline_nanos > now) {
      next = std::min(next, timer->deadline_nanos);
      break;
    }
    if (std::chrono::steady_clock::now() >= end) {
      next = kMoreIsDue;
      break;
    }
    sweep.from = it->key().ToString();
    absl::StatusOr<EntryPtr> found = cache_.Find(it->value().ToString());
    if (!found.ok()) {
      if (unread.empty()) unread = sweep.from;
      continue;
    }
    const bool current = timer && *found != nullptr &&
                         (*found)->config.lineage.stream_id() == timer->stream_id &&
                         (*found)->timer_nanos == timer->deadline_nanos &&
                         !(*found)->removal_pending && !(*found)->state.soft_deleted;
    if (!current) {
      batch_.writes().Delete(database_.family(Family::kTimers), it->key());
      continue;
    }
    const EntryPtr& entry = *found;
    if (entry->IsOver(clock_)) {
      Remove(entry, ChangeEvent::Kind::kExpired);
      continue;
    }
    // It was used meanwhile, or has a timer among those of the other kind, as in format 4.
    batch_.Touch(entry);
    PutTimer(*entry, entry->deadline());
    entry->persisted_access_nanos.store(entry->last_access_nanos.load());
    batch_.PutMetadata(*entry);
    const bool same_kind = sweep.calendar == !entry->has_ttl();
    if (same_kind) next = std::min(next, entry->timer_nanos);
  }
  if (next != kMoreIsDue && it->status().ok()) sweep.from = TimerKey({now + 1, 0, sweep.calendar});
  if (!unread.empty()) sweep.from = std::move(unread);
  sweep.next_nanos = next;
  Commit();
}

absl::Status StreamWriter::WriteBatch() {
  subscriptions_.Seal();
  batch_.Seal();
  if (clock_.Uptime() - marked_at_ >= kMarkInterval) MarkClock();
  const auto begin = std::chrono::steady_clock::now();
  mutex_.unlock();
  const rocksdb::Status status = database_.Write(batch_.writes());
  mutex_.lock();
  if (status.ok()) {
    probe_.NoteCommit(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    quota_.Commit();
    batch_.Publish();
    announcements_.Publish();
    subscriptions_.Publish();
    return absl::OkStatus();
  }
  probe_.batch = {};
  probe_.commit_failures.Increment();
  quota_.Rollback();
  batch_.Rollback();
  announcements_.Clear();
  subscriptions_.Rollback();
  ids_.Rollback();
  for (Sweep& sweep : sweeps_) sweep = {.calendar = sweep.calendar};
  write_failed_ = true;
  accepts_writes_ = false;
  failure_ = WriteError(status);
  spdlog::error("storage: a commit failed: {}", status.ToString());
  return failure_;
}

SteadyTime StreamWriter::TakeOverdue(SteadyTime now, std::vector<UniqueFunction<void()>>& answers) {
  SteadyTime next = CallContext::kNoDeadline;
  const auto look = [&]<typename Result>(Answer<Result>& answer) {
    if (!answer.done) return;
    if (answer.deadline > now) {
      next = std::min(next, answer.deadline);
      return;
    }
    // What is refused may have been refused for what does not come to be; it is not applied.
    const bool applies = answer.result.status.ok() && answer.writes;
    Result late;
    late.status = MakeError(applies ? ErrorCode::kWriteUncertain : ErrorCode::kDeadlineExceeded);
    answers.push_back([done = std::exchange(answer.done, {}), late = std::move(late)]() mutable {
      done(std::move(late));
    });
  };
  for (AnyAnswer& any : answers_) std::visit(look, any);
  return next;
}

void StreamWriter::Commit() {
  absl::Status status;
  if (!batch_.empty() || subscriptions_.changed()) status = WriteBatch();
  // Answering may submit again, but never from within this loop's own state.
  {
    const Turn turn;
    for (AnyAnswer& any : answers_) {
      std::visit(
          [&](auto& answer) {
            if (!answer.done) return;
            if (!status.ok()) answer.result.status = status;
            answer.done(std::move(answer.result));
          },
          any);
    }
  }
  answers_.clear();
  batch_.Clear();
}

}  // namespace ds

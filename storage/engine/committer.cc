#include "storage/engine/committer.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "base/turn.h"
#include "spdlog/spdlog.h"
#include "storage/api/errors.h"
#include "storage/core/content_type.h"
#include "storage/core/json_messages.h"
#include "storage/engine/internal_error.h"
#include "storage/engine/metadata.h"
#include "storage/engine/record.h"
#include "storage/engine/registry.h"

namespace ds {
namespace {

constexpr uint64_t kIdBlock = 1000;
constexpr size_t kMaxTimersPerSweep = 1000;
constexpr absl::Duration kResumeInterval = absl::Milliseconds(200);
constexpr auto kSweepInterval = std::chrono::milliseconds(500);
// How long a batch may wait to become as large as the one before, and from which size on. A sync
// takes as long, and one for two halves costs half.
constexpr auto kMaxGatherTime = std::chrono::microseconds(150);
constexpr size_t kMinGathered = 4;
// RocksDB groups what it writes; a batch beyond this only adds latency.
constexpr uint64_t kMaxBatchBytes = 16u << 20;

uint64_t SizeOf(const Committer::Operation& operation) {
  constexpr uint64_t kOverhead = 256;
  if (const auto* append = std::get_if<Committer::Append>(&operation)) {
    return append->request.body.size() + kOverhead;
  }
  if (const auto* create = std::get_if<Committer::Create>(&operation)) {
    return create->request.body.size() + kOverhead;
  }
  return kOverhead;
}

absl::Status WriteError(const rocksdb::Status& status) {
  if (status.IsNoSpace()) return MakeError(ErrorCode::kStorageFull);
  return MakeError(ErrorCode::kWriteUncertain, "the storage reports: " + status.ToString());
}

void Refuse(Committer::Operation& operation, const absl::Status& status) {
  if (auto* append = std::get_if<Committer::Append>(&operation)) {
    append->done(AppendResult{.status = status});
  } else if (auto* create = std::get_if<Committer::Create>(&operation)) {
    create->done(CreateResult{.status = status});
  } else if (auto* remove = std::get_if<Committer::Delete>(&operation)) {
    remove->done(DeleteResult{.status = status});
  }
}

}  // namespace

Committer::Committer(const Options& options, Database& database, StreamCache& cache, TailHub& hub,
                     RecordReader& reader, Clock& clock)
    : options_(options),
      database_(database),
      cache_(cache),
      reader_(reader),
      clock_(clock),
      batch_(database, cache),
      announcements_(hub, clock) {}

Committer::~Committer() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

absl::Status Committer::Start() {
  std::string value;
  const rocksdb::Status status = database_.Get(Family::kMeta, kNextStreamIdKey, &value);
  if (status.ok() && value.size() == 8) {
    next_stream_id_ = reserved_stream_id_ = DecodeNumber(value);
  } else if (!status.IsNotFound()) {
    return absl::DataLossError("cannot read the stream id counter: " + status.ToString());
  }
  if (options_.registry) {
    const absl::Status ready = EnsureRegistry();
    if (!ready.ok()) return ready;
  }
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

absl::Status Committer::EnsureRegistry() {
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
  config.created_at = clock_.Now();
  config.lineage = Lineage(NextStreamId());
  registry_ = AddStream(kRegistryPath, std::move(config), /*closed=*/false);
  const absl::Status written = WriteBatch();
  batch_.Clear();
  return written;
}

void Committer::Submit(Operation operation) {
  const uint64_t size = SizeOf(operation);
  std::unique_lock<std::mutex> lock(mutex_);
  if (stopping_ || queued_bytes_ + size > options_.max_queued_bytes) {
    const ErrorCode code = stopping_ ? ErrorCode::kShuttingDown : ErrorCode::kOverloaded;
    lock.unlock();
    Refuse(operation, MakeError(code));
    return;
  }
  queued_bytes_ += size;
  queue_.push_back(std::move(operation));
  if (options_.commit_inline) {
    const bool first = queue_.size() == 1;
    lock.unlock();
    if (first) {
      Turn::AtEnd([this] {
        std::unique_lock<std::mutex> again(mutex_);
        CommitQueue(again);
      });
    }
    return;
  }
  const bool wake = waiting_ && queue_.size() >= wanted_;
  if (wake) waiting_ = false;
  lock.unlock();
  if (wake) Turn::AtEnd([this] { wake_.notify_one(); });
}

void Committer::NoteAccess(const EntryPtr& entry) {
  if (!entry->has_ttl()) return;
  const int64_t now = absl::ToUnixNanos(clock_.Now());
  entry->last_access_nanos.store(now);
  int64_t persisted = entry->persisted_access_nanos.load();
  const int64_t step = absl::ToInt64Nanoseconds(RenewalStep(entry->config.lifetime));
  if (now - persisted < step) return;
  // Only one of several readers asks for it.
  if (entry->persisted_access_nanos.compare_exchange_strong(persisted, now)) {
    Submit(Renew{entry});
  }
}

void Committer::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    if (queue_.empty() || options_.commit_inline) {
      wanted_ = 1;
      Wait(lock, kSweepInterval);
    } else if (queue_.size() < gather_) {
      wanted_ = gather_;
      Wait(lock, kMaxGatherTime);
    }
    // After this nothing more is queued.
    const bool last = stopping_;
    CommitQueue(lock);
    if (last) return;
  }
}

void Committer::Wait(std::unique_lock<std::mutex>& lock, std::chrono::microseconds timeout) {
  waiting_ = true;
  wake_.wait_for(lock, timeout, [&] {
    return stopping_ || (!options_.commit_inline && queue_.size() >= wanted_);
  });
  waiting_ = false;
}

void Committer::CommitQueue(std::unique_lock<std::mutex>& lock) {
  if (committing_) return;
  committing_ = true;
  do {
    operations_.swap(queue_);
    queued_bytes_ = 0;
    lock.unlock();
    for (Operation& operation : operations_) {
      Apply(operation);
      if (batch_.writes().GetDataSize() >= kMaxBatchBytes) Commit();
    }
    // A lone client must not wait for others that are not there.
    gather_ = operations_.size() < kMinGathered ? 1 : operations_.size();
    operations_.clear();
    Commit();
    Expire();
    lock.lock();
  } while (options_.commit_inline && !queue_.empty());
  committing_ = false;
}

void Committer::Apply(Operation& operation) {
  if (write_failed_) {
    const absl::Time now = clock_.Now();
    bool recovered = false;
    if (now >= retry_at_) {
      const rocksdb::Status resumed = database_.Resume();
      recovered = resumed.ok();
      retry_at_ = now + kResumeInterval;
      if (resumed.severity() >= rocksdb::Status::kFatalError && !needs_restart_) {
        needs_restart_ = true;
        spdlog::critical("storage: writes stay refused until the server is started again");
      }
    }
    if (!recovered) {
      // Nothing of this request was tried.
      Refuse(operation, GetErrorCode(failure_) == ErrorCode::kStorageFull
                            ? failure_
                            : MakeError(ErrorCode::kStorageUnavailable, failure_.message().data()));
      return;
    }
    write_failed_ = false;
    spdlog::info("storage: writes work again");
  }
  if (auto* append = std::get_if<Append>(&operation)) {
    ApplyAppend(std::move(*append));
  } else if (auto* create = std::get_if<Create>(&operation)) {
    ApplyCreate(std::move(*create));
  } else if (auto* remove = std::get_if<Delete>(&operation)) {
    ApplyDelete(std::move(*remove));
  } else {
    ApplyRenew(std::get<Renew>(operation));
  }
}

absl::StatusOr<EntryPtr> Committer::Find(const std::string& path) {
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

absl::Status Committer::LoadProducer(const EntryPtr& entry, const std::string& id) {
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

void Committer::ApplyAppend(Append append) {
  AppendRequest& request = append.request;
  AppendResult result;
  const auto answer_now = [&](absl::Status status) {
    result.status = std::move(status);
    answers_.push_back(Answer<AppendResult>{std::move(append.done), std::move(result)});
  };
  absl::StatusOr<EntryPtr> found = Find(request.path);
  if (!found.ok()) return answer_now(InternalError(found.status()));
  const EntryPtr entry = *found;
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

  AppendDecision decision = DecideAppend(entry->config, entry->state, producer,
                                         {request.content_type, request.body.size(),
                                          request.stream_seq, request.producer, request.close});
  result.duplicate = decision.duplicate;
  result.expected_seq = decision.expected_seq;
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

void Committer::WriteAppend(const EntryPtr& entry, const StreamState& state, std::string body,
                            std::vector<uint32_t> message_sizes) {
  const uint64_t start = entry->state.tail;
  const bool closes = state.closed && !entry->state.closed;
  entry->state = state;
  if (!body.empty()) {
    batch_.PutRecord(*entry, start, EncodeRecordHeader(state.last_stream_seq, message_sizes), body);
  }
  if (closes) batch_.PutMetadata(*entry);
  announcements_.Add(Announcements::Append{entry, start, state.tail, closes,
                                           Chunk{std::move(body), std::move(message_sizes)}});
}

absl::Status Committer::ResolveFork(const CreateRequest& request, EntryPtr& source,
                                    StreamConfig& config) {
  const ForkPoint& fork = *request.fork;
  absl::StatusOr<EntryPtr> found = Find(fork.source_path);
  if (!found.ok()) return InternalError(found.status());
  source = *found;
  if (source == nullptr) return MakeError(ErrorCode::kSourceNotFound);
  if (source->state.soft_deleted) return MakeError(ErrorCode::kSourceGone);
  // The source's records are looked at below, so they must be committed.
  if (batch_.IsTouched(*source)) Commit();
  const bool json = IsJson(source->config.content_type);
  if (!request.content_type.empty() &&
      !SameMediaType(request.content_type, source->config.content_type)) {
    return MakeError(ErrorCode::kContentTypeMismatch, "the content type differs from the source's");
  }
  const uint64_t tail = source->state.tail;
  const Lineage& lineage = source->config.lineage;
  uint64_t anchor = tail;
  if (fork.offset) {
    absl::Status status = lineage.Resolve(*fork.offset, tail, anchor);
    if (!status.ok()) {
      return MakeError(ErrorCode::kInvalidOffset, std::string(status.message()));
    }
  }
  uint64_t position;
  absl::Status status =
      reader_.ResolveSubOffset(lineage, tail, anchor, fork.sub_offset, json, position);
  if (!status.ok()) {
    return GetErrorCode(status) == ErrorCode::kInternal ? InternalError(status) : status;
  }
  if (json && anchor < tail && fork.sub_offset == 0) {
    // An anchor inside a message would break it.
    Chunk chunk;
    status = reader_.Read({lineage, anchor, tail, 1, json, false}, chunk);
    if (!status.ok()) {
      return GetErrorCode(status) == ErrorCode::kInternal ? InternalError(status) : status;
    }
  }
  config.source_path = fork.source_path;
  config.source_id = lineage.stream_id();
  config.fork_anchor = anchor;
  config.fork_sub_offset = fork.sub_offset;
  config.lineage = lineage.ForkAt(position, NextStreamId());
  config.content_type_inherited = request.content_type.empty();
  config.content_type = source->config.content_type;
  config.lifetime_inherited = !request.lifetime.set();
  config.lifetime = ForkLifetime(request.lifetime, source->config.lifetime);
  return absl::OkStatus();
}

EntryPtr Committer::AddStream(std::string path, StreamConfig config, bool closed) {
  auto entry = std::make_shared<StreamEntry>(std::move(path), std::move(config));
  entry->state.tail = entry->config.lineage.base();
  entry->state.closed = closed;
  entry->producers_complete = true;
  const int64_t now = absl::ToUnixNanos(entry->config.created_at);
  entry->last_access_nanos = entry->persisted_access_nanos = now;
  cache_.Insert(entry);
  batch_.Created(entry);
  const absl::Time deadline = entry->deadline();
  if (deadline != absl::InfiniteFuture()) {
    batch_.PutTimer(*entry, absl::ToUnixNanos(deadline));
    next_timer_nanos_ = std::min(next_timer_nanos_, entry->timer_nanos);
  }
  batch_.PutMetadata(*entry);
  return entry;
}

void Committer::ApplyCreate(Create create) {
  CreateRequest& request = create.request;
  CreateResult result;
  const auto answer = [&](absl::Status status) {
    result.status = std::move(status);
    answers_.push_back(Answer<CreateResult>{std::move(create.done), std::move(result)});
  };
  const auto describe = [&](const StreamEntry& entry) {
    result.content_type = entry.config.content_type;
    result.tail = entry.config.lineage.OffsetAt(entry.state.tail);
    result.closed = entry.state.closed;
  };
  absl::StatusOr<EntryPtr> found = Find(request.path);
  if (!found.ok()) return answer(InternalError(found.status()));
  if (*found != nullptr) {
    describe(**found);
    return answer(MatchExisting((*found)->config, (*found)->state, request));
  }
  if (request.fork && request.fork->source_path == request.path) {
    return answer(MakeError(ErrorCode::kSourceNotFound));
  }

  StreamConfig config;
  EntryPtr source;
  if (request.fork) {
    const absl::Status status = ResolveFork(request, source, config);
    if (!status.ok()) return answer(status);
  } else {
    config.content_type =
        request.content_type.empty() ? std::string(kDefaultContentType) : request.content_type;
    config.lifetime = request.lifetime;
    config.lineage = Lineage(NextStreamId());
  }
  config.created_at = clock_.Now();
  // A fork that names no content type has its source's, so only now it is known to be JSON.
  if (IsJson(config.content_type) && !request.body.empty() && create.message_sizes.empty()) {
    const absl::Status split = SplitJsonMessages(request.body, create.message_sizes);
    if (!split.ok()) return answer(split);
  }
  if (source != nullptr) {
    batch_.Touch(source);
    ++source->state.fork_count;
    batch_.PutMetadata(*source);
  }
  const EntryPtr entry = AddStream(request.path, std::move(config), request.closed);
  Record({ChangeEvent::Kind::kCreated, entry->path, entry->config.content_type,
          entry->config.lineage.stream_id(), entry->config.lineage.OffsetAt(entry->state.tail),
          entry->config.created_at});
  if (!request.body.empty()) {
    StreamState state = entry->state;
    state.tail += request.body.size();
    WriteAppend(entry, state, std::move(request.body), std::move(create.message_sizes));
  }
  result.created = true;
  describe(*entry);
  answer(absl::OkStatus());
}

void Committer::ApplyDelete(Delete remove) {
  absl::Status status;
  absl::StatusOr<EntryPtr> found = Find(remove.request.path);
  if (!found.ok()) {
    status = InternalError(found.status());
  } else if (*found == nullptr) {
    status = MakeError(ErrorCode::kStreamNotFound);
  } else if (*found == registry_) {
    status = MakeError(ErrorCode::kMethodNotAllowed, "the registry is read-only");
  } else if ((*found)->state.soft_deleted) {
    status = MakeError(ErrorCode::kStreamGone);
  } else {
    Remove(*found, ChangeEvent::Kind::kDeleted);
  }
  answers_.push_back(Answer<DeleteResult>{std::move(remove.done), {std::move(status)}});
}

void Committer::Remove(EntryPtr entry, ChangeEvent::Kind reason) {
  announcements_.Add(Announcements::Gone{entry});
  Record({reason, entry->path, entry->config.content_type, entry->config.lineage.stream_id(),
          entry->config.lineage.OffsetAt(entry->state.tail), clock_.Now()});
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

void Committer::Record(ChangeEvent event) {
  if (registry_ != nullptr) {
    std::string message = RegistryMessage(event);
    std::vector<uint32_t> sizes{static_cast<uint32_t>(message.size())};
    batch_.Touch(registry_);
    StreamState state = registry_->state;
    state.tail += message.size();
    WriteAppend(registry_, state, std::move(message), std::move(sizes));
  }
  announcements_.Add(std::move(event));
}

uint64_t Committer::NextStreamId() {
  if (next_stream_id_ >= reserved_stream_id_) {
    reserved_stream_id_ = next_stream_id_ + kIdBlock;
    batch_.writes().Put(database_.family(Family::kMeta), kNextStreamIdKey,
                        EncodeNumber(reserved_stream_id_));
  }
  return next_stream_id_++;
}

void Committer::KeepAccess(const EntryPtr& entry, absl::Time now) {
  const int64_t nanos = absl::ToUnixNanos(now);
  entry->last_access_nanos.store(nanos);
  const int64_t step = absl::ToInt64Nanoseconds(RenewalStep(entry->config.lifetime));
  if (nanos - entry->persisted_access_nanos.load() < step) return;
  entry->persisted_access_nanos.store(nanos);
  batch_.PutMetadata(*entry);
}

void Committer::ApplyRenew(const Renew& renew) {
  if (renew.entry->removal_pending || renew.entry->state.soft_deleted) return;
  // The stream may have been deleted since.
  absl::StatusOr<EntryPtr> current = cache_.Find(renew.entry->path);
  if (!current.ok() || *current != renew.entry) return;
  batch_.PutMetadata(*renew.entry);
}

void Committer::Expire() {
  const int64_t now = absl::ToUnixNanos(clock_.Now());
  if (now < next_timer_nanos_ || write_failed_) return;
  const std::unique_ptr<rocksdb::Iterator> it(
      database_.db().NewIterator(rocksdb::ReadOptions(), database_.family(Family::kTimers)));
  int64_t next = std::numeric_limits<int64_t>::max();
  size_t seen = 0;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const std::optional<Timer> timer = DecodeTimerKey(ToView(it->key()));
    if (timer && timer->deadline_nanos > now) {
      next = timer->deadline_nanos;
      break;
    }
    if (++seen > kMaxTimersPerSweep) {
      next = 0;
      break;
    }
    absl::StatusOr<EntryPtr> found = cache_.Find(it->value().ToString());
    const bool current = timer && found.ok() && *found != nullptr &&
                         (*found)->config.lineage.stream_id() == timer->stream_id &&
                         (*found)->timer_nanos == timer->deadline_nanos &&
                         !(*found)->removal_pending && !(*found)->state.soft_deleted;
    if (!current) {
      batch_.writes().Delete(database_.family(Family::kTimers), it->key());
      continue;
    }
    const EntryPtr& entry = *found;
    const int64_t deadline = absl::ToUnixNanos(entry->deadline());
    if (deadline <= now) {
      Remove(entry, ChangeEvent::Kind::kExpired);
    } else {
      // It was used meanwhile.
      batch_.Touch(entry);
      batch_.PutTimer(*entry, deadline);
      entry->persisted_access_nanos.store(entry->last_access_nanos.load());
      batch_.PutMetadata(*entry);
      next = std::min(next, deadline);
    }
  }
  next_timer_nanos_ = next;
  Commit();
}

absl::Status Committer::WriteBatch() {
  const rocksdb::Status status = database_.Write(batch_.writes());
  if (status.ok()) {
    batch_.Publish();
    announcements_.Publish();
    return absl::OkStatus();
  }
  batch_.Rollback();
  announcements_.Clear();
  reserved_stream_id_ = next_stream_id_;  // the next id reserves its block again
  next_timer_nanos_ = 0;
  write_failed_ = true;
  failure_ = WriteError(status);
  spdlog::error("storage: a commit failed: {}", status.ToString());
  return failure_;
}

void Committer::Commit() {
  absl::Status status;
  if (!batch_.empty()) status = WriteBatch();
  // Answering may submit again, but never from within this loop's own state.
  {
    const Turn turn;
    for (AnyAnswer& any : answers_) {
      std::visit(
          [&](auto& answer) {
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

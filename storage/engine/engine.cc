#include "storage/engine/engine.h"

#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "storage/api/errors.h"
#include "storage/core/content_type.h"
#include "storage/core/json_messages.h"
#include "storage/engine/database_probe.h"
#include "storage/engine/internal_error.h"
#include "storage/engine/metadata.h"

namespace ds {
namespace {

constexpr uint32_t kMaxPageSize = 1000;

StreamInfo Describe(const StreamEntry& entry, uint32_t flags, uint64_t tail) {
  StreamInfo info;
  info.path = entry.path;
  info.stream_id = entry.config.lineage.stream_id();
  info.content_type = entry.config.content_type;
  info.lifetime = entry.config.lifetime;
  info.tail = entry.config.lineage.OffsetAt(tail);
  info.closed = (flags & StreamEntry::kClosed) != 0;
  info.created_at = entry.config.created_at;
  return info;
}

Committer::Options CommitterOptions(const EngineOptions& options) {
  Committer::Options committer = options.committer;
  committer.commit_inline = options.database.directory.empty();
  return committer;
}

// Whether it is plain, without a look at the data, that a read from `from` ends where the request
// says that the caller's data does: at the tail, or where bytes that are no text are cut.
bool EndsThere(const ReadRequest& request, const Lineage& lineage, uint64_t from, uint64_t tail,
               const std::string& content_type) {
  const uint64_t most = std::max<uint64_t>(request.max_bytes, 1);
  const bool reaches_tail = tail - from <= most;
  if (!reaches_tail && (IsJson(content_type) || IsText(content_type))) return false;
  const uint64_t end = reaches_tail ? tail : from + most;
  return end > from && lineage.OffsetAt(end) == *request.known_next;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(const EngineOptions& given, Clock& clock,
                                                     std::unique_ptr<WebhookSender> sender) {
  EngineOptions options = given;
  if (!options.secrets_key_file.empty()) {
    absl::StatusOr<SecretKeys> keys = SecretKeys::Load(options.secrets_key_file);
    if (!keys.ok()) return keys.status();
    options.committer.writer.secret_keys = *std::move(keys);
  }
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(options.database);
  if (!database.ok()) return database.status();
  auto own_metrics = options.metrics == nullptr ? std::make_unique<Metrics>() : nullptr;
  std::unique_ptr<Engine> engine(
      new Engine(options, *std::move(database), clock, std::move(own_metrics)));
  engine->sender_ =
      sender != nullptr ? std::move(sender) : MakeWebhookSender(options.committer.writer.webhooks);
  engine->committer_.SetWebhookSender(*engine->sender_);
  absl::Status started = engine->LoadClock();
  if (started.ok()) started = engine->committer_.Start(engine->losses_);
  if (!started.ok()) return started;
  engine->walker_ =
      std::make_unique<PatternWalker>(*engine->database_, engine->cache_, engine->committer_);
  if (options.metrics != nullptr) {
    engine->sampling_ =
        options.metrics->Sample([&at = *engine](Samples& samples) { at.Sample(samples); });
    engine->database_sampling_ = SampleDatabase(*options.metrics, *engine->database_);
  }
  return engine;
}

Engine::Engine(const EngineOptions& options, std::unique_ptr<Database> database, Clock& clock,
               std::unique_ptr<Metrics> own_metrics)
    : own_metrics_(std::move(own_metrics)),
      probe_(options.metrics != nullptr ? *options.metrics : *own_metrics_),
      clock_(clock, probe_),
      database_(std::move(database)),
      losses_(*database_, options.database.durability, options.boot_id),
      cache_(*database_, options.max_cached_streams),
      reader_(*database_),
      chunks_(options.chunk_cache_bytes),
      committer_(CommitterOptions(options), *database_, cache_, hub_, reader_, clock_, probe_),
      repacker_(options.repacker, *database_, committer_, probe_),
      remover_(options.remover, *database_, committer_, probe_) {}

absl::Status Engine::LoadClock() {
  std::string mark;
  const rocksdb::Status read = database_->Get(Family::kMeta, kClockKey, &mark);
  if (!read.ok() && !read.IsNotFound()) {
    return absl::DataLossError("cannot read the mark of the clock: " + read.ToString());
  }
  return clock_.Load(mark);
}

absl::StatusOr<BackupInfo> Engine::Backup(const std::string& backup_directory, uint32_t keep) {
  const std::lock_guard<std::mutex> lock(backup_mutex_);
  return MakeBackup(*database_, backup_directory, keep);
}

std::string Engine::WhyReadOnly() const {
  if (!committer_.accepts_writes()) return "the last commit failed, and RocksDB has not recovered";
  const std::string& directory = database_->directory();
  if (!directory.empty() && access(directory.c_str(), W_OK) != 0) {
    return "the data directory cannot be written";
  }
  return {};
}

void Engine::Sample(Samples& samples) {
  const Committer::Queued queued = committer_.queued();
  samples.Gauge("durable_streams_commit_queue_operations", "Operations that wait for a commit.",
                static_cast<double>(queued.operations));
  samples.Gauge("durable_streams_commit_queue_bytes", "Bytes that wait for a commit.",
                static_cast<double>(queued.bytes));
  samples.Gauge("durable_streams_cached_streams", "Streams whose state is in memory.",
                static_cast<double>(cache_.size()));
  samples.Gauge("durable_streams_subscriptions", "Subscriptions.",
                static_cast<double>(committer_.subscription_count()));
  samples.Gauge("durable_streams_writes_accepted",
                "0 while writes are refused because a commit failed.",
                committer_.accepts_writes() ? 1 : 0);
  samples.Gauge("durable_streams_clock_step_seconds",
                "How far the system's clock was set, while streams still end by the time before.",
                absl::ToDoubleSeconds(clock_.unaccepted()));
  samples.Gauge("durable_streams_deleted_streams_waiting",
                "Deleted streams whose data is still to be removed from the disk.",
                static_cast<double>(remover_.waiting()));
  const TurnWatch& watch = committer_.watch();
  samples.Counter("durable_streams_loop_stalls_total",
                  "Turns of an event loop, or batches of the commit thread, of 100 ms and more.",
                  static_cast<double>(watch.stalls()), {{"loop", "commit"}});
  samples.Counter("durable_streams_loop_stalled_seconds_total", "How long those were, together.",
                  std::chrono::duration<double>(watch.stalled()).count(), {{"loop", "commit"}});
  const std::optional<Census::Counts> counts = committer_.census().counts();
  if (!counts) return;
  samples.Gauge("durable_streams_streams", "Streams; absent until a start has counted them.",
                static_cast<double>(counts->streams));
  samples.Gauge("durable_streams_open_streams", "Streams that are not closed.",
                static_cast<double>(counts->open));
  samples.Gauge("durable_streams_forks", "Streams that are forks.",
                static_cast<double>(counts->forks));
  samples.Gauge("durable_streams_kept_streams", "Deleted streams that are kept for their forks.",
                static_cast<double>(counts->kept));
}

// Webhooks' results go to the committer, whose last commits may send webhooks.
Engine::~Engine() {
  walker_.reset();
  committer_.Stop();
  sender_.reset();
  losses_.End();
}

void Engine::Create(CreateRequest request, Callback<CreateResult> done) {
  if (request.path.is_reserved()) {
    return done(CreateResult{.status = MakeError(ErrorCode::kInvalidPath, "__ds is reserved")});
  }
  std::vector<uint32_t> sizes;
  if (IsJson(request.content_type) && !request.body.empty()) {
    const absl::Status split = SplitJsonMessages(request.body, sizes);
    if (!split.ok()) return done(CreateResult{.status = split});
  }
  committer_.Submit(CreateOperation{std::move(request), std::move(sizes), std::move(done)});
}

void Engine::Append(AppendRequest request, Callback<AppendResult> done) {
  std::vector<uint32_t> sizes;
  absl::Status body;
  if (request.body.empty()) {
    if (!request.close) return done(AppendResult{.status = MakeError(ErrorCode::kEmptyBody)});
  } else if (IsJson(request.content_type)) {
    body = SplitJsonMessages(request.body, sizes);
    if (body.ok() && sizes.empty()) {
      body = MakeError(ErrorCode::kInvalidJson, "an empty array appends nothing");
    }
    if (!body.ok()) std::string().swap(request.body);
  }
  committer_.Submit(
      AppendOperation{std::move(request), std::move(sizes), std::move(done), std::move(body)});
}

absl::StatusOr<EntryPtr> Engine::FindVisible(const std::string& path) {
  absl::StatusOr<EntryPtr> found = cache_.Find(path);
  if (!found.ok()) return InternalError(found.status());
  if (*found == nullptr) return MakeError(ErrorCode::kStreamNotFound);
  const uint32_t flags = (*found)->flags.load(std::memory_order_acquire);
  if ((flags & StreamEntry::kExists) == 0) return MakeError(ErrorCode::kStreamNotFound);
  if ((flags & StreamEntry::kSoftDeleted) != 0) return MakeError(ErrorCode::kStreamGone);
  if ((*found)->IsOver(clock_)) return MakeError(ErrorCode::kStreamNotFound);
  return found;
}

void Engine::Read(ReadRequest request, Callback<ReadResult> done) { done(ReadNow(request)); }

ReadResult Engine::ReadNow(const ReadRequest& request) {
  ReadResult result;
  const absl::StatusOr<EntryPtr> found = FindVisible(request.path);
  if (!found.ok()) {
    result.status = found.status();
    return result;
  }
  StreamEntry& entry = **found;
  const uint32_t flags = entry.flags.load(std::memory_order_acquire);
  const uint64_t tail = entry.tail.load(std::memory_order_acquire);
  const Lineage& lineage = entry.config.lineage;
  result.info = Describe(entry, flags, tail);

  uint64_t from = 0;
  if (request.from == ReadRequest::From::kNow) {
    from = tail;
  } else if (request.from == ReadRequest::From::kOffset) {
    result.status = lineage.Resolve(request.offset, tail, from);
    if (!result.status.ok()) return result;
  }
  committer_.NoteAccess(*found);

  uint64_t next = from;
  if (request.known_next && EndsThere(request, lineage, from, tail, entry.config.content_type)) {
    next = request.known_next->position;
    result.unchanged = true;
  } else if (from < tail) {
    const bool json = IsJson(entry.config.content_type);
    const ChunkCache::Key key{lineage.stream_id(), from, tail,
                              std::max<uint64_t>(request.max_bytes, 1)};
    ChunkPtr chunk = chunks_.Find(key);
    if (chunk != nullptr) probe_.read_chunk_hits.Increment();
    absl::Status status;
    if (chunk == nullptr) {
      Chunk read;
      size_t own_records = 0;
      status = reader_.Read(
          {lineage, from, tail, key.max_bytes, json, IsText(entry.config.content_type)}, read,
          &own_records);
      if (own_records > 0) {
        repacker_.NoteRead(*found, std::max(from, lineage.base()), from + read.data.size(),
                           own_records);
      }
      chunk = std::make_shared<const Chunk>(std::move(read));
      if (status.ok()) chunks_.Insert(key, chunk);
    }
    if (!status.ok()) {
      // Deleted while it was read: then its records may be gone.
      const bool deleted =
          (entry.flags.load(std::memory_order_acquire) & StreamEntry::kExists) == 0;
      if (deleted) {
        result.status = MakeError(ErrorCode::kStreamNotFound);
      } else {
        result.status = absl::IsDataLoss(status) ? InternalError(status) : status;
      }
      return result;
    }
    next = from + chunk->data.size();
    probe_.reads.Increment();
    probe_.read_bytes.Increment(static_cast<double>(chunk->data.size()));
    result.chunk = std::move(chunk);
  }
  result.start = lineage.OffsetAt(from);
  result.next = lineage.OffsetAt(next);
  result.up_to_date = next == tail;
  return result;
}

void Engine::Head(HeadRequest request, Callback<HeadResult> done) {
  done(HeadNow(request.path, request.renew));
}

HeadResult Engine::HeadNow(const std::string& path, bool renew) {
  HeadResult result;
  const absl::StatusOr<EntryPtr> found = FindVisible(path);
  if (!found.ok()) {
    result.status = found.status();
    return result;
  }
  if (renew) committer_.NoteAccess(*found);
  const uint32_t flags = (*found)->flags.load(std::memory_order_acquire);
  result.info = Describe(**found, flags, (*found)->tail.load(std::memory_order_acquire));
  return result;
}

void Engine::Delete(DeleteRequest request, Callback<DeleteResult> done) {
  // A stream that is not in memory is read from disk here, and not where all writers wait for it.
  (void)cache_.Find(request.path);
  committer_.Submit(DeleteOperation{std::move(request), std::move(done)});
}

void Engine::Subscriptions(SubscriptionCall call, Callback<SubscriptionAnswer> done) {
  const auto* const put = std::get_if<SubscriptionCall::Put>(&call.operation);
  if (put != nullptr && !put->config.pattern.empty()) {
    return walker_->Put(std::move(call), std::move(done));
  }
  committer_.Submit(SubscriptionOperation{std::move(call), std::move(done)});
}

void Engine::List(ListRequest request, Callback<ListResult> done) {
  ListResult result;
  const uint32_t page_size = std::clamp<uint32_t>(request.page_size, 1, kMaxPageSize);
  const std::unique_ptr<rocksdb::Iterator> it(
      database_->db().NewIterator(rocksdb::ReadOptions(), database_->family(Family::kStreams)));
  it->Seek(std::max(request.prefix, request.page_token));
  for (; it->Valid(); it->Next()) {
    const std::string path = it->key().ToString();
    if (!path.starts_with(request.prefix)) break;
    if (path == request.page_token) continue;
    if (result.streams.size() == page_size) {
      result.next_page_token = result.streams.back().path;
      break;
    }
    const HeadResult head = HeadNow(path);
    if (head.status.ok()) result.streams.push_back(head.info);
  }
  if (!it->status().ok())
    result.status = InternalError(absl::DataLossError(it->status().ToString()));
  done(std::move(result));
}

std::unique_ptr<Subscription> Engine::Tail(StreamPath path, std::shared_ptr<TailObserver> observer,
                                           Callback<HeadResult> ready) {
  // First follow, then look: nothing that is committed in between is missed.
  std::unique_ptr<Subscription> subscription = hub_.Follow(path, std::move(observer));
  ready(HeadNow(path));
  return subscription;
}

std::unique_ptr<Subscription> Engine::Watch(PathPattern pattern,
                                            std::shared_ptr<WatchObserver> observer) {
  return hub_.Watch(std::move(pattern), std::move(observer));
}

}  // namespace ds

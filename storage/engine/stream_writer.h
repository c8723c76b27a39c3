#ifndef STORAGE_ENGINE_STREAM_WRITER_H_
#define STORAGE_ENGINE_STREAM_WRITER_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/api/stream_store.h"
#include "storage/engine/announcements.h"
#include "storage/engine/batch.h"
#include "storage/engine/database.h"
#include "storage/engine/loss_detector.h"
#include "storage/engine/operation.h"
#include "storage/engine/probe.h"
#include "storage/engine/record_reader.h"
#include "storage/engine/secret_keys.h"
#include "storage/engine/store_clock.h"
#include "storage/engine/store_limits.h"
#include "storage/engine/stream_cache.h"
#include "storage/engine/stream_ids.h"
#include "storage/engine/subscription_book.h"
#include "storage/engine/tail_hub.h"

namespace ds {

// Changes streams: judges each operation by storage/core against the state that those before it
// leave, gathers what they change in one batch, and commits it: one write, one sync. Then the batch
// is published to readers, everyone is answered, and the tail hub is told.
//
// A write that fails fails its batch, rolls the states back, and closes the writer until RocksDB
// has recovered; reads go on.
//
// Not thread-safe: one thread at a time, which is "the commit thread" to its parts. How streams are
// created is in stream_creation.cc.
class StreamWriter final : private SubscriptionBook::Streams {
 public:
  struct Options {
    bool registry = false;  // the stream __registry__ records every creation, deletion and expiry
    StoreLimits limits;
    WebhookPolicy webhooks;
    SecretKeys secret_keys;
  };

  // All arguments but `options` must outlive the object. Call Start before anything else.
  StreamWriter(Options options, Database& database, StreamCache& cache, TailHub& hub,
               RecordReader& reader, StoreClock& clock, EngineProbe& probe);

  SubscriptionBook& subscriptions() { return subscriptions_; }

  // Reads what survives a restart, and notes in `losses` that a run begins. Errors: DataLoss,
  // Unavailable.
  absl::Status Start(LossDetector& losses);

  // Takes an operation into the batch. It may commit what came before on the way.
  void Apply(Operation& operation);
  // Commits the batch and answers the operations in it.
  void Commit();
  // Does what is due: removes the streams whose time is up, ends leases, retries webhooks; commits
  // that.
  void OnTime();
  // When something will be due, in nanoseconds of running time; it may be later than that.
  // kMoreIsDue: OnTime has left some of it for the next call. Thread-safe.
  static constexpr int64_t kMoreIsDue = 0;
  int64_t next_due_nanos() const { return next_due_nanos_.load(std::memory_order_relaxed); }

  // Held by the commit thread while it works, but not while a write is under way: then others may
  // call TakeOverdue.
  std::mutex& mutex() { return mutex_; }
  // Whoever waits for the write that is under way beyond the deadline is to be told that it may
  // have been applied: adds to `answers` what tells them, for the caller to call without locks.
  // Returns the next deadline. REQUIRES: mutex() is held, by another thread than the one that
  // commits.
  SteadyTime TakeOverdue(SteadyTime now, std::vector<UniqueFunction<void()>>& answers);

  uint64_t batch_bytes() const { return batch_.bytes(); }
  // Whether the last write succeeded, or RocksDB has recovered since. Thread-safe.
  bool accepts_writes() const { return accepts_writes_.load(std::memory_order_relaxed); }
  const Census& census() const { return census_; }
  DeletionLog& deletions() { return deletions_; }
  size_t subscription_count() const { return subscriptions_.count(); }

 private:
  // A result that waits for the commit of what it rests on; even a refusal may rest on what the
  // batch is about to commit.
  template <typename Result>
  struct Answer {
    StreamStore::Callback<Result> done;  // empty: it was answered before
    Result result;
    SteadyTime deadline = CallContext::kNoDeadline;
    bool writes = true;
  };
  using AnyAnswer = std::variant<Answer<AppendResult>, Answer<CreateResult>, Answer<DeleteResult>,
                                 Answer<MaintenanceResult>, Answer<SubscriptionAnswer>>;

  void ApplyOne(AppendOperation& append);
  void ApplyOne(CreateOperation& create);
  void ApplyOne(DeleteOperation& remove);
  void ApplyOne(const RenewOperation& renew);
  void ApplyOne(RepackOperation& repack);
  void ApplyOne(RemovalOperation& removal);
  void ApplyOne(SubscriptionOperation& operation);
  void ApplyOne(const WebhookResultOperation& result);

  EntryPtr FindLive(const std::string& path) override;
  void AppendMessage(const EntryPtr& entry, std::string message) override;
  void Flush() override { Commit(); }

  // After a failed write: whether RocksDB works again. Asks it now and then.
  bool Recovered();
  // The stream at `path` as the batch leaves it, or an error. Commits the batch first if the batch
  // deletes that stream; removes the stream first if its time is up.
  absl::StatusOr<EntryPtr> Find(const std::string& path);
  // Whether the entry is a stream that is there and stays.
  bool IsCurrent(const EntryPtr& entry);
  absl::Status LoadProducer(const EntryPtr& entry, const std::string& id);
  // Whether the stream may have one more producer; kQuotaExceeded if not.
  absl::Status CheckProducerCount(StreamEntry& entry);
  // Whether the source of a fork may have one: kQuotaExceeded when it is too deep itself.
  absl::Status CheckForkDepth(const StreamEntry& source);
  absl::Status ResolveFork(const CreateRequest& request, EntryPtr& source, StreamConfig& config);
  // Completes the result of a refused append, and counts what metrics tell of.
  void NoteRefused(const StreamEntry& entry, const absl::Status& status, AppendResult& result);
  void WriteAppend(const EntryPtr& entry, const StreamState& state, std::string body,
                   std::vector<uint32_t> message_sizes);
  EntryPtr AddStream(std::string path, StreamConfig config, bool closed);
  // Deletes the stream, or keeps it soft-deleted for its forks; frees ancestors that waited for it.
  void Remove(EntryPtr entry, ChangeEvent::Kind reason);
  void Record(ChangeEvent event);
  uint64_t NextStreamId() { return ids_.Next(batch_.writes()); }
  // Where the stream's end may have been lost: has it go on under a new incarnation, and results in
  // the entry that it has from now on. May commit the batch. Else results in `entry`.
  EntryPtr ContinueIfCut(EntryPtr entry);
  // The timers of one kind, and how far they are dealt with.
  struct Sweep {
    bool calendar = false;
    int64_t next_nanos = 0;  // none is due before
    std::string from;        // none has a key before
  };

  void PutTimer(StreamEntry& entry, absl::Time deadline);
  void Expire(Sweep& sweep);
  int64_t NextDue() const;
  void MarkClock();
  void KeepAccess(const EntryPtr& entry, absl::Time now);
  absl::Status WriteBatch();
  absl::Status EnsureRegistry();

  const bool with_registry_;
  const StoreLimits limits_;
  std::mutex mutex_;
  Database& database_;
  StreamCache& cache_;
  RecordReader& reader_;
  StoreClock& clock_;

  EngineProbe& probe_;

  PrefixQuota quota_;
  Census census_;
  StreamIds ids_;
  DeletionLog deletions_;
  Batch batch_;
  Announcements announcements_;
  SubscriptionBook subscriptions_;
  std::vector<AnyAnswer> answers_;
  bool needs_restart_ = false;  // RocksDB cannot recover while it runs, and the log says so
  bool write_failed_ = false;
  absl::Status failure_;
  absl::Time retry_at_;  // no attempt to recover before
  std::array<Sweep, 2> sweeps_{Sweep{.calendar = false}, Sweep{.calendar = true}};
  // When the clock's mark was last written, by uptime.
  absl::Duration marked_at_ = -absl::InfiniteDuration();
  EntryPtr registry_;
  std::atomic<int64_t> next_due_nanos_{kMoreIsDue};
  std::atomic<bool> accepts_writes_{true};
};

}  // namespace ds

#endif  // STORAGE_ENGINE_STREAM_WRITER_H_

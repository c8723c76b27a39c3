#ifndef STORAGE_ENGINE_COMMITTER_H_
#define STORAGE_ENGINE_COMMITTER_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "storage/api/stream_store.h"
#include "storage/engine/announcements.h"
#include "storage/engine/batch.h"
#include "storage/engine/database.h"
#include "storage/engine/record_reader.h"
#include "storage/engine/stream_cache.h"
#include "storage/engine/tail_hub.h"

namespace ds {

// The commit loop: one thread at a time changes streams (its own or, in memory, one that submits).
// Requests queue to it; while one batch is written and synced the next one gathers. Each request is
// judged by storage/core against the state that the requests before it leave, so there are no locks
// on streams and out-of-order producer sequences are judged in the order of their arrival. One
// write and one sync commit the batch; then it is published to readers, everyone is answered, and
// the tail hub is told. "The commit thread" is whichever thread commits at the moment.
//
// A write that fails fails its batch, rolls the states back, and closes the loop for writes until
// RocksDB has recovered; reads go on.
class Committer {
 public:
  struct Options {
    bool registry = false;
    uint64_t max_queued_bytes = 256u << 20;  // beyond it, requests are refused as kOverloaded
    // Without a disk to wait for, a thread of its own only costs the way there and back: then the
    // thread that submits commits, at the end of its turn, what all have submitted.
    bool commit_inline = false;  // set by the engine
  };

  // All arguments must outlive the object. Call Start before anything else.
  Committer(const Options& options, Database& database, StreamCache& cache, TailHub& hub,
            RecordReader& reader, Clock& clock);
  // Commits what is queued, then stops.
  ~Committer();

  // Reads the counters that survive a restart and starts the thread. Errors: DataLoss.
  absl::Status Start();

  // An append whose body was split into messages where it is JSON.
  struct Append {
    AppendRequest request;
    std::vector<uint32_t> message_sizes;
    StreamStore::Callback<AppendResult> done;
  };
  struct Create {
    CreateRequest request;
    std::vector<uint32_t> message_sizes;
    StreamStore::Callback<CreateResult> done;
  };
  struct Delete {
    DeleteRequest request;
    StreamStore::Callback<DeleteResult> done;
  };
  // Persists the last use of a stream with a TTL.
  struct Renew {
    EntryPtr entry;
  };
  using Operation = std::variant<Append, Create, Delete, Renew>;

  // Thread-safe. The operation is answered from the commit thread, or at once when refused.
  void Submit(Operation operation);

  // Notes a use of the stream; persists it when the last persisted one is old. Thread-safe.
  void NoteAccess(const EntryPtr& entry);

 private:
  // A result that waits for the commit of what it rests on; even a refusal may rest on what the
  // batch is about to commit.
  template <typename Result>
  struct Answer {
    StreamStore::Callback<Result> done;
    Result result;
  };
  using AnyAnswer = std::variant<Answer<AppendResult>, Answer<CreateResult>, Answer<DeleteResult>>;

  void Run();
  // Waits until `wanted_` operations are queued. REQUIRES: `lock` holds mutex_.
  void Wait(std::unique_lock<std::mutex>& lock, std::chrono::microseconds timeout);
  // Commits what is queued, unless another thread is at it; then that one does.
  // REQUIRES: `lock` holds mutex_, which is released meanwhile.
  void CommitQueue(std::unique_lock<std::mutex>& lock);
  void Apply(Operation& operation);
  void ApplyAppend(Append append);
  void ApplyCreate(Create create);
  void ApplyDelete(Delete remove);
  void ApplyRenew(const Renew& renew);

  // The stream at `path` as the batch leaves it, or an error. Commits the batch first if the batch
  // deletes that stream; removes the stream first if its time is up.
  absl::StatusOr<EntryPtr> Find(const std::string& path);
  absl::Status LoadProducer(const EntryPtr& entry, const std::string& id);
  absl::Status ResolveFork(const CreateRequest& request, EntryPtr& source, StreamConfig& config);
  void WriteAppend(const EntryPtr& entry, const StreamState& state, std::string body,
                   std::vector<uint32_t> message_sizes);
  EntryPtr AddStream(std::string path, StreamConfig config, bool closed);
  // Deletes the stream, or keeps it soft-deleted for its forks; frees ancestors that waited for it.
  void Remove(EntryPtr entry, ChangeEvent::Kind reason);
  void Record(ChangeEvent event);
  uint64_t NextStreamId();
  void KeepAccess(const EntryPtr& entry, absl::Time now);

  void Expire();
  void Commit();
  absl::Status WriteBatch();
  absl::Status EnsureRegistry();

  const Options options_;
  Database& database_;
  StreamCache& cache_;
  RecordReader& reader_;
  Clock& clock_;

  // Of the thread that commits: its own one, or whichever set `committing_`.
  std::vector<Operation> operations_;
  Batch batch_;
  Announcements announcements_;
  std::vector<AnyAnswer> answers_;
  uint64_t next_stream_id_ = 1;
  uint64_t reserved_stream_id_ = 1;  // ids below it may be given out
  bool needs_restart_ = false;       // RocksDB cannot recover while it runs, and the log says so
  bool write_failed_ = false;
  absl::Status failure_;
  absl::Time retry_at_;           // no attempt to recover before
  int64_t next_timer_nanos_ = 0;  // no timer is due before
  EntryPtr registry_;

  std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::vector<Operation> queue_;
  uint64_t queued_bytes_ = 0;
  bool stopping_ = false;
  bool waiting_ = false;     // the thread sleeps and must be woken
  bool committing_ = false;  // a thread is in CommitQueue
  size_t wanted_ = 1;        // how many operations the thread waits for
  size_t gather_ = 1;        // as many as the last batch had

  std::thread thread_;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_COMMITTER_H_

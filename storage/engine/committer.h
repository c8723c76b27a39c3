#ifndef STORAGE_ENGINE_COMMITTER_H_
#define STORAGE_ENGINE_COMMITTER_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "base/alarm.h"
#include "base/turn_watch.h"
#include "storage/engine/database.h"
#include "storage/engine/operation.h"
#include "storage/engine/record_reader.h"
#include "storage/engine/store_clock.h"
#include "storage/engine/stream_cache.h"
#include "storage/engine/stream_writer.h"
#include "storage/engine/tail_hub.h"

namespace ds {

// The commit loop: one thread at a time runs the StreamWriter (its own or, in memory, one that
// submits). Operations queue to it; while one batch is written and synced the next one gathers. So
// there are no locks on streams, and out-of-order producer sequences are judged in the order of
// their arrival.
//
// Whoever waits beyond their deadline is answered by a thread of its own, whatever the disk does:
// an operation that still waits for its turn is refused (kDeadlineExceeded), one that writes and is
// in the commit under way answers kWriteUncertain. (An operation whose stream is being read from
// disk at that moment waits for that.)
class Committer {
 public:
  struct Options {
    StreamWriter::Options writer;
    uint64_t max_queued_bytes = 256u << 20;  // beyond it, requests are refused as kOverloaded
    // Without a disk to wait for, a thread of its own only costs the way there and back: then the
    // thread that submits commits, at the end of its turn, what all have submitted.
    bool commit_inline = false;  // set by the engine
  };

  // All arguments must outlive the object. Call Start before anything else.
  Committer(const Options& options, Database& database, StreamCache& cache, TailHub& hub,
            RecordReader& reader, StoreClock& clock, EngineProbe& probe);
  ~Committer();

  // Reads the counters that survive a restart and starts the thread. Errors: DataLoss.
  absl::Status Start(LossDetector& losses);

  // Commits what is queued, then stops; what is submitted later is refused. Idempotent.
  void Stop();

  // Has webhooks sent from now on. `sender` must outlive the committer's work: until Stop returns.
  void SetWebhookSender(WebhookSender& sender);

  // Thread-safe. The operation is answered from the commit thread, or at once when refused.
  void Submit(Operation operation);

  // Operations and bytes that wait for the commit thread now. Thread-safe.
  struct Queued {
    size_t operations = 0;
    uint64_t bytes = 0;
  };
  Queued queued() const;
  // See StreamWriter. Thread-safe.
  bool accepts_writes() const { return writer_.accepts_writes(); }
  const Census& census() const { return writer_.census(); }
  // What is left to be removed. Thread-safe as its class says.
  DeletionLog& deletions() { return writer_.deletions(); }
  size_t subscription_count() const { return writer_.subscription_count(); }
  // Batches that took long on the commit thread, the disk included. Thread-safe.
  const TurnWatch& watch() const { return watch_; }

  // Notes a use of the stream; persists it when the last persisted one is old. Thread-safe.
  void NoteAccess(const EntryPtr& entry);

 private:
  void Run();
  // How long to wait for operations until something else is to be done.
  std::chrono::microseconds UntilDue() const;
  // Waits until `wanted_` operations are queued. REQUIRES: `lock` holds mutex_.
  void Wait(std::unique_lock<std::mutex>& lock, std::chrono::microseconds timeout);
  // Commits what is queued, unless another thread is at it; then that one does.
  // REQUIRES: `lock` holds mutex_, which is released meanwhile.
  void CommitQueue(std::unique_lock<std::mutex>& lock);
  // Answers those whose deadlines have passed; returns the next deadline.
  SteadyTime AnswerOverdue();

  const Options options_;
  StoreClock& clock_;

  // Of the thread that commits: its own one, or whichever set `committing_`. Guarded by the
  // writer's mutex.
  std::vector<Operation> operations_;
  size_t applied_ = 0;  // operations before it are with the writer
  StreamWriter writer_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::vector<Operation> queue_;
  uint64_t queued_bytes_ = 0;
  bool stopping_ = false;
  bool waiting_ = false;     // the thread sleeps and must be woken
  bool committing_ = false;  // a thread is in CommitQueue
  size_t wanted_ = 1;        // how many operations the thread waits for
  size_t gather_ = 1;        // as many as the last batch had

  Alarm deadlines_;
  TurnWatch watch_{"commit"};  // the thread's
  std::thread thread_;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_COMMITTER_H_

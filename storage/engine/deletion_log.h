#ifndef STORAGE_ENGINE_DELETION_LOG_H_
#define STORAGE_ENGINE_DELETION_LOG_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "absl/status/status.h"
#include "storage/engine/database.h"

namespace ds {

// Numbers the deletions of streams. The commit that deletes a stream puts the stream's id under the
// deletion's number into the family `deleted`; there the RecordRemover finds what is left to be
// removed. Numbers only grow while the object lives; one whose commit failed stays unused.
class DeletionLog {
 public:
  // Continues after what the directory holds. To be called first. Errors: DataLoss.
  absl::Status Load(Database& database);

  // The number of the next deletion; the commit thread's.
  uint64_t Take() { return next_++; }
  // All deletions whose numbers were taken are committed, or their commit failed; the commit
  // thread's.
  void Publish();

  // Every committed deletion has a number below it. Thread-safe.
  uint64_t end() const;
  // Waits until end() is above `number`; false when Stop was called. Thread-safe.
  bool WaitBeyond(uint64_t number);
  // Ends the waiting, now and later. Thread-safe.
  void Stop();

 private:
  uint64_t next_ = 0;  // the commit thread's

  mutable std::mutex mutex_;
  std::condition_variable published_;
  // Guarded by mutex_.
  uint64_t end_ = 0;
  bool stopped_ = false;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_DELETION_LOG_H_

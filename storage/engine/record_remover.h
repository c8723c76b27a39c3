#ifndef STORAGE_ENGINE_RECORD_REMOVER_H_
#define STORAGE_ENGINE_RECORD_REMOVER_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "storage/engine/committer.h"
#include "storage/engine/database.h"
#include "storage/engine/probe.h"

namespace ds {

// Removes the records and producers of deleted streams in the background. The commit that deletes a
// stream only takes its metadata away and notes its id (see DeletionLog): from then on nobody can
// see the rest, since ids are never used again. So the rest may go at any time, in small commits
// between others', and after a restart goes on where it was.
//
// The keys of a stream are deleted one by one, up to a number and a size; those of a larger one by
// a range tombstone. RocksDB sorts all range tombstones of a memtable anew for the first read after
// each write of one, so there are never many: the memtable is flushed before. Thread-safe.
class RecordRemover {
 public:
  struct Options {
    // A stream with more records, or more bytes in them, gets a range tombstone.
    size_t max_single_deletes = 1000;
    uint64_t max_single_delete_bytes = 1u << 20;
    // Of `records`, until its memtable is flushed.
    size_t max_range_tombstones = 256;
  };

  // All must outlive the object.
  RecordRemover(const Options& options, Database& database, Committer& committer,
                EngineProbe& probe);
  // Leaves the rest for the next start.
  ~RecordRemover();

  // Deleted streams that are not removed yet, about.
  uint64_t waiting() const;

 private:
  struct Deletion {
    uint64_t number = 0;
    uint64_t stream_id = 0;
  };

  void Run();
  // Removes what belongs to the deletions that follow. False: it could not, and is to be tried
  // again.
  bool RemoveNext();
  // Finds the next deletions, in the order of their streams' ids.
  bool Take(std::vector<Deletion>& deletions);
  // Removes the keys of one stream. They are put into `operation_`, which is committed whenever it
  // has become large.
  bool RemoveKeys(uint64_t stream_id, Family family);
  void PutRange(uint64_t stream_id, Family family);
  // Commits `operation_` and empties it. False: it was refused.
  bool Commit();
  void FlushTombstones();

  const Options options_;
  Database& database_;
  Committer& committer_;
  EngineProbe& probe_;

  // The thread's.
  RemovalOperation operation_;
  size_t range_tombstones_ = 0;
  std::atomic<uint64_t> next_{0};  // deletions below it are done with; others read it

  std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  bool submitted_ = false;  // an operation is with the committer
  bool stopping_ = false;
  absl::Status answer_;  // of the last one

  std::thread thread_;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_RECORD_REMOVER_H_

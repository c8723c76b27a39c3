#ifndef STORAGE_ENGINE_REPACKER_H_
#define STORAGE_ENGINE_REPACKER_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>

#include "storage/engine/committer.h"
#include "storage/engine/database.h"
#include "storage/engine/stream_entry.h"

namespace ds {

// Joins the small records of streams to larger ones in the background, where reads show that it
// pays: a read that had to walk over many small records asks for it, and the next one finds few.
// What no one reads is not touched. Positions and bytes stay as they are, so no offset and no fork
// notices. Thread-safe.
class Repacker {
 public:
  struct Options {
    // A read of this many records asks for it, if they are this small on average.
    size_t min_records = 64;
    uint64_t max_mean_bytes = 4096;
    // Fewer neighbours than this are not worth a write.
    size_t min_joined = 8;
  };

  // All must outlive the object.
  Repacker(const Options& options, Database& database, Committer& committer, EngineProbe& probe);
  // Forgets what is queued.
  ~Repacker();

  // A read took `records` of the stream's own records for the bytes [from, to), all committed.
  void NoteRead(const EntryPtr& entry, uint64_t from, uint64_t to, size_t records);

 private:
  struct Job {
    EntryPtr entry;
    uint64_t from = 0;
    uint64_t to = 0;
  };

  void Run();
  // The stream's records from the one that holds job.from on, joined where it pays.
  RepackOperation Pack(const Job& job);
  // Returns when it is committed or refused.
  void Submit(RepackOperation operation);

  const Options options_;
  Database& database_;
  Committer& committer_;
  EngineProbe& probe_;

  std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::deque<Job> jobs_;
  bool submitted_ = false;  // an operation is with the committer
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_REPACKER_H_

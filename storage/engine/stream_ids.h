#ifndef STORAGE_ENGINE_STREAM_IDS_H_
#define STORAGE_ENGINE_STREAM_IDS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "rocksdb/write_batch.h"
#include "storage/engine/database.h"

namespace ds {

// Gives out the ids of streams and of their incarnations: numbers that only grow and are never used
// again, whatever part of the store's history is lost. The counter is kept in the database, where
// it can go back with the rest, to an older backup for instance. So it follows the time as well: a
// store that begins, or goes on after a loss, begins at the number that belongs to the time of its
// start. That is above every number that was given out before, as long as a store makes fewer than
// 2,000 streams a second on average over its life and the clock is right.
//
// A number is a multiple of kShards: there is room for the shard of a store of many.
//
// Belongs to the commit thread.
class StreamIds {
 public:
  static constexpr uint64_t kShards = 1000;

  // `database` must outlive the object.
  explicit StreamIds(Database& database) : database_(database) {}

  // Reads the counter. With `lost` the end of the store's history may be missing: then all numbers
  // from now on are above those that may have been given out. Errors: DataLoss.
  absl::Status Load(absl::Time now, bool lost, rocksdb::WriteBatch& batch);

  // A number that was never given out. Adds to `batch` what keeps it so after a restart.
  uint64_t Next(rocksdb::WriteBatch& batch);
  // The batches since the last commit were not written.
  void Rollback() { reserved_ = next_; }

  // Streams whose incarnation is below it may have lost their end.
  uint64_t first_sound() const { return first_sound_; }

  // The number that belongs to a time.
  static uint64_t At(absl::Time time);

 private:
  Database& database_;
  uint64_t next_ = 0;
  uint64_t reserved_ = 0;  // what the database knows: numbers below it may be given out
  uint64_t first_sound_ = 0;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_STREAM_IDS_H_

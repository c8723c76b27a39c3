#ifndef STORAGE_ENGINE_LOSS_DETECTOR_H_
#define STORAGE_ENGINE_LOSS_DETECTOR_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/write_batch.h"
#include "storage/engine/database.h"

namespace ds {

// Tells at a start whether the end of a store's history may be missing, so that bytes which clients
// have seen are not there any more:
//
// - the files were restored from a backup or copied from elsewhere: the database knows a random
// mark
//   that stands in the file MARK of its directory too, which no backup holds. (So whoever puts
//   the files back in another way, as by a snapshot of the volume, removes that file.)
// - the last run acknowledged without a sync (Durability::kOs), did not end by itself, and the
//   machine was started anew since.
//
// Used by one thread, at the start and the end of a run.
class LossDetector {
 public:
  // `database` must outlive the object. `boot_id` names the time for which the machine has been
  // running, and is compared only; empty: unknown.
  LossDetector(Database& database, Durability durability, std::string boot_id)
      : database_(database), durability_(durability), boot_id_(std::move(boot_id)) {}

  // Why something may be missing; empty: nothing is. Always so in memory. Errors: DataLoss;
  // Unavailable when the directory cannot be written.
  absl::StatusOr<std::string> WhyLost() const;

  // Adds to `batch` what the next start must know of this run. The batch must be on the disk,
  // synced, before anything of the run is acknowledged. Call FinishBegin after that.
  void Begin(rocksdb::WriteBatch& batch);
  absl::Status FinishBegin();

  // The run ends, and all that it wrote is on the disk. Best effort: without it the next start may
  // take a clean end for a cut.
  void End();

  // Of the running kernel.
  static std::string CurrentBootId();

 private:
  std::string MarkFile() const { return database_.directory() + "/MARK"; }
  absl::StatusOr<std::string> ReadMark() const;
  absl::StatusOr<std::string> Read(std::string_view key) const;

  Database& database_;
  const Durability durability_;
  const std::string boot_id_;
  std::string mark_;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_LOSS_DETECTOR_H_

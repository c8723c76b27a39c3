#ifndef STORAGE_ENGINE_BACKUP_H_
#define STORAGE_ENGINE_BACKUP_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/engine/database.h"

namespace ds {

// A backup in a backup directory, which holds any number of them and keeps files that several have
// in common once: so each new one costs only what has changed (RocksDB's BackupEngine).
struct BackupInfo {
  uint32_t id = 0;
  absl::Time time;
  uint64_t bytes = 0;  // of all its files, shared ones included
  uint32_t files = 0;
};

// Backs a database up while it is used; what was acknowledged before the call is in it. `keep`: how
// many backups stay, the newest ones; 0: all. Errors: Unknown, with RocksDB's reason.
absl::StatusOr<BackupInfo> MakeBackup(Database& database, const std::string& backup_directory,
                                      uint32_t keep);

// The backups in a directory, the newest last. With `verify` the checksums of all files are
// compared. Errors: Unknown, DataLoss.
absl::StatusOr<std::vector<BackupInfo>> ListBackups(const std::string& backup_directory,
                                                    bool verify);

// Makes `directory`, which must be empty or not exist, what it was when backup `id` was made; 0:
// the newest. Errors: NotFound, FailedPrecondition, DataLoss, Unknown.
absl::StatusOr<BackupInfo> RestoreBackup(const std::string& backup_directory, uint32_t id,
                                         const std::string& directory);

}  // namespace ds

#endif  // STORAGE_ENGINE_BACKUP_H_

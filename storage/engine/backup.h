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
  // What is wrong with it; empty: nothing was found. Of a damaged one the rest is not known.
  std::string damage;
  absl::Time time;
  uint64_t bytes = 0;  // of all its files, shared ones included
  uint32_t files = 0;
};

// Backs a database up while it is used, and reads the backup again to compare its checksums; what
// was acknowledged before the call is in it. `keep`: how many backups stay, the newest ones; 0:
// all. The files of both are in the database's Env. Errors: Unavailable when another process makes
// one there; DataLoss when it is not what was copied, and then it is removed again; Unknown, with
// RocksDB's reason.
absl::StatusOr<BackupInfo> MakeBackup(Database& database, const std::string& backup_directory,
                                      uint32_t keep);

// The backups in a directory, damaged ones among them, the newest last. With `verify` the checksums
// of all files are compared. `env`: where the files are; nullptr: the system's. Errors: NotFound,
// Unknown.
absl::StatusOr<std::vector<BackupInfo>> ListBackups(const std::string& backup_directory,
                                                    bool verify, rocksdb::Env* env = nullptr);

// Makes `directory`, which must be empty or not exist, what it was when backup `id` was made; 0:
// the newest. An older one is never taken in its place: when it is damaged the call fails. Errors:
// NotFound, FailedPrecondition, DataLoss, Unknown.
absl::StatusOr<BackupInfo> RestoreBackup(const std::string& backup_directory, uint32_t id,
                                         const std::string& directory, rocksdb::Env* env = nullptr);

}  // namespace ds

#endif  // STORAGE_ENGINE_BACKUP_H_

#include "storage/engine/backup.h"

#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/utilities/backup_engine.h"

namespace ds {
namespace {

absl::Status Failed(const std::string& what, const rocksdb::Status& status) {
  const std::string text = absl::StrCat(what, ": ", status.ToString());
  if (status.IsCorruption()) return absl::DataLossError(text);
  if (status.IsNotFound()) return absl::NotFoundError(text);
  return absl::UnknownError(text);
}

BackupInfo ToInfo(const rocksdb::BackupInfo& info) {
  return {info.backup_id, absl::FromUnixSeconds(info.timestamp), info.size, info.number_files};
}

rocksdb::BackupEngineOptions Options(const std::string& directory) {
  rocksdb::BackupEngineOptions options(directory);
  options.share_table_files = true;
  options.share_files_with_checksum = true;
  options.sync = true;
  return options;
}

std::vector<rocksdb::BackupInfo> All(const rocksdb::BackupEngineReadOnly& engine) {
  std::vector<rocksdb::BackupInfo> all;
  engine.GetBackupInfo(&all);
  return all;
}

absl::StatusOr<std::unique_ptr<rocksdb::BackupEngineReadOnly>> OpenToRead(
    const std::string& directory) {
  // RocksDB would make it.
  if (!std::filesystem::is_directory(directory)) {
    return absl::NotFoundError("there is no backup directory " + directory);
  }
  rocksdb::BackupEngineReadOnly* engine = nullptr;
  const rocksdb::Status opened =
      rocksdb::BackupEngineReadOnly::Open(Options(directory), rocksdb::Env::Default(), &engine);
  if (!opened.ok()) return Failed("cannot open the backups in " + directory, opened);
  return std::unique_ptr<rocksdb::BackupEngineReadOnly>(engine);
}

}  // namespace

absl::StatusOr<BackupInfo> MakeBackup(Database& database, const std::string& backup_directory,
                                      uint32_t keep) {
  rocksdb::BackupEngine* opened = nullptr;
  rocksdb::Status status =
      rocksdb::BackupEngine::Open(Options(backup_directory), rocksdb::Env::Default(), &opened);
  if (!status.ok()) return Failed("cannot open the backups in " + backup_directory, status);
  const std::unique_ptr<rocksdb::BackupEngine> engine(opened);
  // The log is copied as it is: flushing would make small files, and stall nothing less.
  status = engine->CreateNewBackup(&database.db(), /*flush_before_backup=*/false);
  if (!status.ok()) return Failed("the backup failed", status);
  if (keep > 0) {
    status = engine->PurgeOldBackups(keep);
    if (!status.ok()) return Failed("old backups cannot be removed", status);
  }
  std::vector<rocksdb::BackupInfo> all;
  engine->GetBackupInfo(&all);
  if (all.empty()) return absl::UnknownError("the backup is not there");
  return ToInfo(all.back());
}

absl::StatusOr<std::vector<BackupInfo>> ListBackups(const std::string& backup_directory,
                                                    bool verify) {
  const auto engine = OpenToRead(backup_directory);
  if (!engine.ok()) return engine.status();
  std::vector<BackupInfo> backups;
  for (const rocksdb::BackupInfo& info : All(**engine)) {
    if (verify) {
      const rocksdb::Status good =
          (*engine)->VerifyBackup(info.backup_id, /*verify_with_checksum=*/true);
      if (!good.ok()) return Failed(absl::StrCat("backup ", info.backup_id), good);
    }
    backups.push_back(ToInfo(info));
  }
  return backups;
}

absl::StatusOr<BackupInfo> RestoreBackup(const std::string& backup_directory, uint32_t id,
                                         const std::string& directory) {
  const auto engine = OpenToRead(backup_directory);
  if (!engine.ok()) return engine.status();
  std::error_code error;
  if (std::filesystem::exists(directory) && !std::filesystem::is_empty(directory, error)) {
    return absl::FailedPreconditionError(directory + " is not empty; move it away, then restore");
  }
  const std::vector<rocksdb::BackupInfo> all = All(**engine);
  if (all.empty()) return absl::NotFoundError("there is no backup in " + backup_directory);
  const rocksdb::BackupInfo* chosen = id == 0 ? &all.back() : nullptr;
  for (const rocksdb::BackupInfo& info : all) {
    if (info.backup_id == id) chosen = &info;
  }
  if (chosen == nullptr) return absl::NotFoundError(absl::StrCat("there is no backup ", id));
  rocksdb::Status status =
      (*engine)->VerifyBackup(chosen->backup_id, /*verify_with_checksum=*/true);
  if (!status.ok()) return Failed("the backup is damaged", status);
  status = (*engine)->RestoreDBFromBackup(chosen->backup_id, directory, directory);
  if (!status.ok()) return Failed("the backup cannot be restored", status);
  return ToInfo(*chosen);
}

}  // namespace ds

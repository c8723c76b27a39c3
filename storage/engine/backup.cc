#include "storage/engine/backup.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/private_files.h"
#include "rocksdb/utilities/backup_engine.h"
#include "spdlog/spdlog.h"

namespace ds {
namespace {

// For how long a new backup waits for others to be done with the directory.
constexpr absl::Duration kLockPatience = absl::Seconds(1);
constexpr absl::Duration kLockPause = absl::Milliseconds(20);

absl::Status Failed(const std::string& what, const rocksdb::Status& status) {
  const std::string text = absl::StrCat(what, ": ", status.ToString());
  if (status.IsCorruption()) return absl::DataLossError(text);
  if (status.IsNotFound()) return absl::NotFoundError(text);
  return absl::UnknownError(text);
}

BackupInfo ToInfo(const rocksdb::BackupInfo& info) {
  return {.id = info.backup_id,
          .time = absl::FromUnixSeconds(info.timestamp),
          .bytes = info.size,
          .files = info.number_files};
}

rocksdb::BackupEngineOptions Options(const std::string& directory, rocksdb::Env* env) {
  rocksdb::BackupEngineOptions options(directory);
  options.backup_env = env;
  options.share_table_files = true;
  options.share_files_with_checksum = true;
  options.sync = true;
  return options;
}

// Held while backups are made. The file stays.
class DirectoryLock {
 public:
  DirectoryLock(rocksdb::Env& env, const std::string& directory) : env_(env) {
    status_ = env.LockFile(absl::StrCat(directory, "/LOCK"), &lock_);
  }
  ~DirectoryLock() {
    if (lock_ != nullptr) env_.UnlockFile(lock_);
  }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

  bool held() const { return lock_ != nullptr; }
  // Somebody else holds it, as opposed to a directory in which nothing can be written.
  bool busy() const {
    const std::string text = status_.ToString();
    return !held() && (text.find("While lock file") != text.npos ||
                       text.find("lock hold by current process") != text.npos);
  }

 private:
  rocksdb::Env& env_;
  rocksdb::FileLock* lock_ = nullptr;
  rocksdb::Status status_;
};

absl::Status PrepareDirectory(const std::string& directory) {
  const absl::StatusOr<std::string> note =
      MakePrivateDirectory(directory, {"meta", "private", "shared", "shared_checksum"});
  if (note.ok() && !note->empty()) spdlog::warn("{}", *note);
  return note.status();
}

bool IsAbsentOrEmpty(rocksdb::Env& env, const std::string& directory) {
  std::vector<std::string> children;
  if (!env.FileExists(directory).ok()) return true;
  if (!env.GetChildren(directory, &children).ok()) return false;
  return std::all_of(children.begin(), children.end(),
                     [](const std::string& name) { return name == "." || name == ".."; });
}

// Adds backups of which there are files but no metadata: RocksDB does not know them. One that is
// being made looks the same.
void AddLost(rocksdb::Env& env, const std::string& directory, std::vector<BackupInfo>& all) {
  std::vector<std::string> children;
  if (!env.GetChildren(absl::StrCat(directory, "/private"), &children).ok()) return;
  std::vector<BackupInfo> lost;
  for (const std::string& name : children) {
    uint32_t id = 0;
    if (!absl::SimpleAtoi(name, &id)) continue;
    const bool known =
        std::any_of(all.begin(), all.end(), [id](const BackupInfo& info) { return info.id == id; });
    if (known) continue;
    lost.push_back({.id = id,
                    .damage = "its metadata is missing: it was interrupted while it was made, or "
                              "the file was lost"});
  }
  if (lost.empty() || DirectoryLock(env, directory).busy()) return;
  all.insert(all.end(), lost.begin(), lost.end());
}

// Notes what is wrong with a backup: files that are missing or have another size and, on demand,
// other bytes.
void Verify(const rocksdb::BackupEngineReadOnly& engine, bool with_checksums, BackupInfo& info) {
  if (!info.damage.empty()) return;
  const rocksdb::Status good = engine.VerifyBackup(info.id, with_checksums);
  if (!good.ok()) info.damage = good.ToString();
}

// Which shared file has another size than when it was copied; empty: none. RocksDB takes the size
// that it finds for the right one, but the name of such a file ends with "_SIZE.sst".
std::string WhyWrongSize(const rocksdb::BackupInfo& info) {
  for (const rocksdb::BackupFileInfo& file : info.file_details) {
    const std::string& name = file.relative_filename;
    const size_t begin = name.rfind('_');
    const size_t end = name.find('.', begin == name.npos ? 0 : begin);
    uint64_t size = 0;
    const bool named = name.find('/') != name.npos && begin != name.npos && end != name.npos &&
                       absl::SimpleAtoi(name.substr(begin + 1, end - begin - 1), &size);
    if (named && size != file.size) {
      return absl::StrCat(name, " has ", file.size, " bytes, and should have ", size);
    }
  }
  return {};
}

// All backups, damaged ones among them, the newest last.
std::vector<BackupInfo> All(const rocksdb::BackupEngineReadOnly& engine, rocksdb::Env& env,
                            const std::string& directory) {
  std::vector<BackupInfo> all;
  std::vector<rocksdb::BackupInfo> sound;
  engine.GetBackupInfo(&sound, /*include_file_details=*/true);
  for (const rocksdb::BackupInfo& info : sound) {
    all.push_back(ToInfo(info));
    all.back().damage = WhyWrongSize(info);
    Verify(engine, /*with_checksums=*/false, all.back());
  }
  std::vector<rocksdb::BackupID> corrupted;
  engine.GetCorruptedBackups(&corrupted);
  for (const rocksdb::BackupID id : corrupted) {
    all.push_back(
        {.id = id, .damage = "its metadata is damaged, or a file is missing or has another size"});
  }
  AddLost(env, directory, all);
  std::sort(all.begin(), all.end(),
            [](const BackupInfo& a, const BackupInfo& b) { return a.id < b.id; });
  return all;
}

absl::StatusOr<std::unique_ptr<rocksdb::BackupEngineReadOnly>> OpenToRead(
    const std::string& directory, rocksdb::Env& env) {
  // RocksDB would make it.
  bool is_directory = false;
  if (!env.IsDirectory(directory, &is_directory).ok() || !is_directory) {
    return absl::NotFoundError("there is no backup directory " + directory);
  }
  rocksdb::BackupEngineReadOnly* engine = nullptr;
  const rocksdb::Status opened =
      rocksdb::BackupEngineReadOnly::Open(Options(directory, &env), &env, &engine);
  if (!opened.ok()) return Failed("cannot open the backups in " + directory, opened);
  return std::unique_ptr<rocksdb::BackupEngineReadOnly>(engine);
}

// The one to restore, verified.
absl::StatusOr<BackupInfo> Choose(const rocksdb::BackupEngineReadOnly& engine,
                                  std::vector<BackupInfo> all, uint32_t id,
                                  const std::string& directory) {
  if (all.empty()) return absl::NotFoundError("there is no backup in " + directory);
  auto chosen = all.end() - 1;
  if (id != 0) {
    chosen = std::find_if(all.begin(), all.end(),
                          [id](const BackupInfo& info) { return info.id == id; });
    if (chosen == all.end()) return absl::NotFoundError(absl::StrCat("there is no backup ", id));
  }
  Verify(engine, /*with_checksums=*/true, *chosen);
  if (chosen->damage.empty()) return *chosen;
  std::string text = absl::StrCat("backup ", chosen->id, id == 0 ? ", the newest," : "",
                                  " is damaged: ", chosen->damage);
  std::vector<uint32_t> others;
  for (const BackupInfo& info : all) {
    if (info.damage.empty() && info.id != chosen->id) others.push_back(info.id);
  }
  if (!others.empty()) {
    absl::StrAppend(
        &text, "; another one is taken only when --id names it: ", absl::StrJoin(others, ", "));
  }
  return absl::DataLossError(text);
}

}  // namespace

absl::StatusOr<BackupInfo> MakeBackup(Database& database, const std::string& backup_directory,
                                      uint32_t keep) {
  rocksdb::Env& env = *database.db().GetEnv();
  absl::Status ready = PrepareDirectory(backup_directory);
  if (!ready.ok()) return ready;
  auto lock = std::make_unique<DirectoryLock>(env, backup_directory);
  const absl::Time give_up = absl::Now() + kLockPatience;
  while (lock->busy() && absl::Now() < give_up) {
    absl::SleepFor(kLockPause);
    lock = std::make_unique<DirectoryLock>(env, backup_directory);
  }
  if (lock->busy()) {
    return absl::UnavailableError("another process makes a backup in " + backup_directory);
  }
  rocksdb::BackupEngine* opened = nullptr;
  rocksdb::Status status =
      rocksdb::BackupEngine::Open(Options(backup_directory, &env), &env, &opened);
  if (!status.ok()) return Failed("cannot open the backups in " + backup_directory, status);
  const std::unique_ptr<rocksdb::BackupEngine> engine(opened);
  std::vector<rocksdb::BackupID> corrupted;
  engine->GetCorruptedBackups(&corrupted);
  for (const rocksdb::BackupID id : corrupted) {
    spdlog::error("backup {} in {} is damaged", id, backup_directory);
  }
  // The log is copied as it is: flushing would make small files, and stall nothing less.
  rocksdb::CreateBackupOptions create;
  create.flush_before_backup = false;
  rocksdb::BackupID id = 0;
  status = engine->CreateNewBackup(create, &database.db(), &id);
  if (!status.ok()) return Failed("the backup failed", status);
  // Files that older backups have already are not copied again, so they may be damaged.
  status = engine->VerifyBackup(id, /*verify_with_checksum=*/true);
  if (!status.ok()) {
    const std::string why = status.ToString();
    const rocksdb::Status removed = engine->DeleteBackup(id);
    return absl::DataLossError(
        absl::StrCat("backup ", id, " was made but cannot be restored, ",
                     removed.ok() ? "and was removed again: " : "and cannot be removed: ", why,
                     "; if the file belongs to older backups too, go on in another directory"));
  }
  if (keep > 0) {
    status = engine->PurgeOldBackups(keep);
    if (!status.ok()) return Failed("old backups cannot be removed", status);
  }
  rocksdb::BackupInfo made;
  status = engine->GetBackupInfo(id, &made);
  if (!status.ok()) return Failed("the backup is not there", status);
  return ToInfo(made);
}

absl::StatusOr<std::vector<BackupInfo>> ListBackups(const std::string& backup_directory,
                                                    bool verify, rocksdb::Env* given) {
  rocksdb::Env& env = given != nullptr ? *given : *rocksdb::Env::Default();
  const auto engine = OpenToRead(backup_directory, env);
  if (!engine.ok()) return engine.status();
  std::vector<BackupInfo> backups = All(**engine, env, backup_directory);
  for (BackupInfo& info : backups) {
    if (verify) Verify(**engine, /*with_checksums=*/true, info);
  }
  return backups;
}

absl::StatusOr<BackupInfo> RestoreBackup(const std::string& backup_directory, uint32_t id,
                                         const std::string& directory, rocksdb::Env* given) {
  rocksdb::Env& env = given != nullptr ? *given : *rocksdb::Env::Default();
  const auto engine = OpenToRead(backup_directory, env);
  if (!engine.ok()) return engine.status();
  if (!IsAbsentOrEmpty(env, directory)) {
    return absl::FailedPreconditionError(directory + " is not empty; move it away, then restore");
  }
  absl::StatusOr<BackupInfo> chosen =
      Choose(**engine, All(**engine, env, backup_directory), id, backup_directory);
  if (!chosen.ok()) return chosen;
  const absl::StatusOr<std::string> made = MakePrivateDirectory(directory, {});
  if (!made.ok()) return made.status();
  if (!made->empty()) spdlog::warn("{}", *made);
  const rocksdb::Status status = (*engine)->RestoreDBFromBackup(chosen->id, directory, directory);
  if (!status.ok()) return Failed("the backup cannot be restored", status);
  return chosen;
}

}  // namespace ds

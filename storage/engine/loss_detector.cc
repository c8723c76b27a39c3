#include "storage/engine/loss_detector.h"

#include <fstream>
#include <utility>

#include "absl/strings/escaping.h"
#include "openssl/rand.h"
#include "rocksdb/env.h"
#include "spdlog/spdlog.h"

namespace ds {
namespace {

// Values of kLastRunKey: a run whose writes are synced, or which has ended and synced them; or this
// and the boot id of a run in the mode kOs.
constexpr char kSynced[] = "synced";
constexpr std::string_view kUnsyncedPrefix = "unsynced ";
constexpr size_t kMarkBytes = 16;

std::string NewMark() {
  std::string bytes(kMarkBytes, '\0');
  RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  return absl::BytesToHexString(bytes);
}

}  // namespace

std::string LossDetector::CurrentBootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

absl::StatusOr<std::string> LossDetector::Read(std::string_view key) const {
  std::string value;
  const rocksdb::Status status = database_.Get(Family::kMeta, key, &value);
  if (status.ok() || status.IsNotFound()) return value;
  return absl::DataLossError("cannot read " + std::string(key) + ": " + status.ToString());
}

absl::StatusOr<std::string> LossDetector::ReadMark() const {
  rocksdb::Env& env = *database_.db().GetEnv();
  const rocksdb::Status exists = env.FileExists(MarkFile());
  if (exists.IsNotFound()) return std::string();
  std::string mark;
  const rocksdb::Status read =
      exists.ok() ? rocksdb::ReadFileToString(&env, MarkFile(), &mark) : exists;
  if (!read.ok()) {
    return absl::UnavailableError("cannot read " + MarkFile() + ": " + read.ToString());
  }
  return mark;
}

absl::StatusOr<std::string> LossDetector::WhyLost() const {
  if (database_.directory().empty()) return std::string();
  const absl::StatusOr<std::string> known = Read(kDirectoryMarkKey);
  if (!known.ok()) return known.status();
  const absl::StatusOr<std::string> found = ReadMark();
  if (!found.ok()) return found.status();
  if (!known->empty() && *found != *known) {
    return std::string("the directory was restored from a backup, or copied");
  }
  const absl::StatusOr<std::string> last = Read(kLastRunKey);
  if (!last.ok()) return last.status();
  if (last->starts_with(kUnsyncedPrefix) && last->substr(kUnsyncedPrefix.size()) != boot_id_) {
    return std::string("the machine stopped during a run with --durability=os");
  }
  return std::string();
}

void LossDetector::Begin(rocksdb::WriteBatch& batch) {
  if (database_.directory().empty()) return;
  const absl::StatusOr<std::string> known = Read(kDirectoryMarkKey);
  mark_ = known.ok() && !known->empty() ? *known : NewMark();
  rocksdb::ColumnFamilyHandle* const meta = database_.family(Family::kMeta);
  batch.Put(meta, kDirectoryMarkKey, mark_);
  batch.Put(meta, kLastRunKey,
            durability_ == Durability::kFsync ? kSynced : std::string(kUnsyncedPrefix) + boot_id_);
}

absl::Status LossDetector::FinishBegin() {
  if (database_.directory().empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> found = ReadMark();
  if (found.ok() && *found == mark_) return absl::OkStatus();
  const rocksdb::Status written =
      rocksdb::WriteStringToFile(database_.db().GetEnv(), mark_, MarkFile(), /*should_sync=*/true);
  if (written.ok()) return absl::OkStatus();
  return absl::UnavailableError("cannot write " + MarkFile() + ": " + written.ToString());
}

void LossDetector::End() {
  if (database_.directory().empty() || durability_ == Durability::kFsync) return;
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const rocksdb::Status written =
      database_.db().Put(synced, database_.family(Family::kMeta), kLastRunKey, kSynced);
  if (!written.ok()) {
    spdlog::warn("storage: the end of the run could not be noted: {}", written.ToString());
  }
}

}  // namespace ds

#ifndef STORAGE_ENGINE_DATABASE_H_
#define STORAGE_ENGINE_DATABASE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/statistics.h"
#include "storage/engine/keys.h"

namespace ds {

enum class Durability {
  kFsync,  // acknowledged means synced to the disk
  kOs,     // acknowledged means in the page cache: a process crash loses nothing, a power cut may
};

struct DatabaseOptions {
  std::string directory;  // empty: in memory, gone with the object
  Durability durability = Durability::kFsync;
  int max_open_files = -1;  // -1: no limit of our own
  uint64_t block_cache_bytes = 256u << 20;
  // Opens what is there without changing it, and without the lock: nobody else may be using it.
  bool read_only = false;
  // Where the files are; nullptr: the system's, or memory without a directory. Must outlive the
  // database. Tests make it fail.
  rocksdb::Env* env = nullptr;
};

// RocksDB with this project's column families and settings. Owns the exclusive lock on its
// directory. Thread-safe, as RocksDB is.
class Database {
 public:
  // Opens the directory, or makes it. Errors: FailedPrecondition when it was written by a newer
  // format; Unavailable when another process holds it; DataLoss when it is damaged.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const DatabaseOptions& options);
  ~Database();

  rocksdb::DB& db() { return *db_; }
  rocksdb::Statistics& statistics() { return *statistics_; }
  // Empty in memory.
  const std::string& directory() const { return directory_; }
  // nullptr where an older format, opened read-only, does not have it.
  rocksdb::ColumnFamilyHandle* family(Family family) {
    return families_[static_cast<size_t>(family)];
  }

  // Commits `batch` whole, to the durability that was asked for.
  rocksdb::Status Write(rocksdb::WriteBatch& batch);
  // The same, on the disk when it returns, whatever durability was asked for.
  rocksdb::Status WriteSynced(rocksdb::WriteBatch& batch);

  // Brings RocksDB back after a failed write, once its cause is gone. What the failed write left in
  // the log is dropped with it.
  rocksdb::Status Resume();

  // The value, or NotFound.
  rocksdb::Status Get(Family family, std::string_view key, std::string* value);

 private:
  Database() = default;
  // Refuses what a newer version wrote; marks the directory as of this version's format.
  absl::Status CheckFormat(const std::string& directory, bool read_only);

  std::string directory_;
  std::shared_ptr<rocksdb::Statistics> statistics_;
  std::unique_ptr<rocksdb::Env> memory_env_;
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilyCount> families_{};
  rocksdb::WriteOptions write_options_;
};

inline rocksdb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

}  // namespace ds

#endif  // STORAGE_ENGINE_DATABASE_H_

#include "storage/engine/database.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "base/private_files.h"
#include "rocksdb/cache.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/listener.h"
#include "rocksdb/slice_transform.h"
#include "rocksdb/table.h"
#include "rocksdb/utilities/table_properties_collectors.h"
#include "spdlog/spdlog.h"
#include "storage/engine/rocksdb_log.h"

namespace ds {
namespace {

// What each version brought: docs/storage-format.md.
constexpr uint64_t kFormatVersion = 5;
constexpr size_t kTombstoneWindow = 4096;  // entries

// The stream id of a record's key, for the memtable's insert hints. Range tombstones must stay out
// of its domain: RocksDB 7.8 keeps one hint per prefix for records and tombstones alike, although
// they live in two lists, and an insert that follows the other list's hint breaks the memtable.
// So tombstones of `records` have keys of another size (see Batch::Remove).
class RecordStreamPrefix final : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "durable-streams.RecordStreamPrefix"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
    return rocksdb::Slice(key.data(), 8);
  }
  bool InDomain(const rocksdb::Slice& key) const override { return key.size() == kRecordKeySize; }
};

// Leaves recovery from a full disk to Database::Resume. RocksDB's own waits for a whole memtable's
// size of free space, and while it waits Resume is refused.
class NoAutomaticRecovery final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* automatic) override {
    *automatic = false;
  }
};

bool Contains(const std::vector<std::string>& names, const char* name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string Text(const rocksdb::Status& status) { return status.ToString(); }

rocksdb::DBOptions MakeDbOptions(const DatabaseOptions& options, rocksdb::Env* memory) {
  rocksdb::DBOptions db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.max_open_files = options.max_open_files;
  db.max_total_wal_size = 512u << 20;
  db.max_background_jobs = 2;
  db.info_log = NewRocksdbLogger();
  db.listeners.push_back(std::make_shared<NoAutomaticRecovery>());
  // With fsync nothing that was acknowledged can be missing from the log's middle, so a hole there
  // is damage and must be reported, never skipped; a torn end is an append that nobody was told of.
  db.wal_recovery_mode = options.durability == Durability::kFsync
                             ? rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords
                             : rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  if (options.env != nullptr) db.env = options.env;
  if (memory != nullptr) db.env = memory;
  return db;
}

rocksdb::ColumnFamilyOptions MakeFamilyOptions(Family family,
                                               const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions cf;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  if (family == Family::kRecords) {
    cf.write_buffer_size = 64u << 20;
    // Appends to one stream come in key order: the memtable starts from where the last one went.
    cf.memtable_insert_with_hint_prefix_extractor = std::make_shared<RecordStreamPrefix>();
    table.block_size = 16u << 10;
  } else {
    cf.write_buffer_size = 16u << 20;
  }
  // A file that is mostly tombstones somewhere is compacted soon: whoever walks over them, for a
  // list or the next timer, takes as long as for what they deleted.
  cf.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(kTombstoneWindow, kTombstoneWindow / 2));
  cf.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return cf;
}

absl::Status OpenError(const rocksdb::Status& status, const std::string& directory) {
  const std::string text = Text(status);
  if (text.find("LOCK") != std::string::npos || text.find("lock hold") != std::string::npos) {
    return absl::UnavailableError("another process uses the data directory " + directory + ": " +
                                  text);
  }
  if (status.IsCorruption()) {
    return absl::DataLossError("the data directory " + directory + " is damaged: " + text);
  }
  return absl::UnknownError("cannot open the data directory " + directory + ": " + text);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const DatabaseOptions& options) {
  std::unique_ptr<Database> database(new Database);
  database->directory_ = options.directory;
  database->statistics_ = rocksdb::CreateDBStatistics();
  // Counters only: timers would ask the clock for every block.
  database->statistics_->set_stats_level(rocksdb::StatsLevel::kExceptHistogramOrTimers);
  std::string directory = options.directory;
  if (directory.empty()) {
    database->memory_env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
    directory = "/durable-streams";
    database->memory_env_->CreateDirIfMissing(directory);
    database->write_options_.disableWAL = true;
  } else {
    if (!options.read_only) {
      const absl::StatusOr<std::string> note = MakePrivateDirectory(directory, {});
      if (!note.ok()) return note.status();
      if (!note->empty()) spdlog::warn("{}", *note);
    }
    database->write_options_.sync = options.durability == Durability::kFsync;
  }
  const auto cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  std::vector<std::string> existing;
  rocksdb::DBOptions db_options = MakeDbOptions(options, database->memory_env_.get());
  db_options.statistics = database->statistics_;
  const bool listed = rocksdb::DB::ListColumnFamilies(db_options, directory, &existing).ok();
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  std::vector<Family> ours;
  for (size_t i = 0; i < kFamilyCount; ++i) {
    // An older format lacks some, which can only be made when the directory may be changed.
    if (options.read_only && listed && !Contains(existing, kFamilyNames[i])) continue;
    ours.push_back(static_cast<Family>(i));
    descriptors.emplace_back(kFamilyNames[i], MakeFamilyOptions(ours.back(), cache));
  }
  // A newer format may have families that this program does not know; RocksDB wants them all.
  for (const std::string& name : existing) {
    const auto known = std::find(std::begin(kFamilyNames), std::end(kFamilyNames), name);
    if (known == std::end(kFamilyNames)) {
      descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions());
    }
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  if (options.read_only) {
    db_options.create_if_missing = db_options.create_missing_column_families = false;
  }
  const rocksdb::Status status =
      options.read_only
          ? rocksdb::DB::OpenForReadOnly(db_options, directory, descriptors, &handles, &db)
          : rocksdb::DB::Open(db_options, directory, descriptors, &handles, &db);
  if (!status.ok()) return OpenError(status, options.directory);
  database->db_.reset(db);
  for (size_t i = 0; i < handles.size(); ++i) {
    if (i < ours.size()) {
      database->families_[static_cast<size_t>(ours[i])] = handles[i];
    } else {
      db->DestroyColumnFamilyHandle(handles[i]);
    }
  }

  const absl::Status usable = database->CheckFormat(options.directory, options.read_only);
  if (!usable.ok()) return usable;
  return database;
}

absl::Status Database::CheckFormat(const std::string& directory, bool read_only) {
  std::string version;
  const rocksdb::Status found = Get(Family::kMeta, kFormatVersionKey, &version);
  if (!found.IsNotFound() && (!found.ok() || version.size() != 8)) {
    return absl::DataLossError("the data directory " + directory +
                               " has no readable format version");
  }
  const uint64_t format = found.ok() ? DecodeNumber(version) : 0;
  if (format > kFormatVersion) {
    return absl::FailedPreconditionError(
        "the data directory " + directory + " has format " + std::to_string(format) +
        ", written by a newer version; this one reads formats up to " +
        std::to_string(kFormatVersion));
  }
  if (format == kFormatVersion || read_only) return absl::OkStatus();
  // It is new, or older programs must keep off it from now on.
  rocksdb::WriteBatch batch;
  batch.Put(family(Family::kMeta), kFormatVersionKey, EncodeNumber(kFormatVersion));
  const rocksdb::Status written = Write(batch);
  return written.ok() ? absl::OkStatus() : OpenError(written, directory);
}

Database::~Database() {
  if (db_ == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* handle : families_) {
    if (handle != nullptr) db_->DestroyColumnFamilyHandle(handle);
  }
  db_->Close();
}

rocksdb::Status Database::Write(rocksdb::WriteBatch& batch) {
  return db_->Write(write_options_, &batch);
}

rocksdb::Status Database::WriteSynced(rocksdb::WriteBatch& batch) {
  rocksdb::WriteOptions synced = write_options_;
  synced.sync = !synced.disableWAL;
  return db_->Write(synced, &batch);
}

rocksdb::Status Database::Resume() { return db_->Resume(); }

rocksdb::Status Database::Get(Family which, std::string_view key, std::string* value) {
  return db_->Get(rocksdb::ReadOptions(), family(which), ToSlice(key), value);
}

}  // namespace ds

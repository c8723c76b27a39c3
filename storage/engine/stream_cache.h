#ifndef STORAGE_ENGINE_STREAM_CACHE_H_
#define STORAGE_ENGINE_STREAM_CACHE_H_

#include <array>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "storage/engine/database.h"
#include "storage/engine/stream_entry.h"

namespace ds {

// The streams in memory: those in use and others that were used lately, up to a bound; the rest is
// on disk and is read back when touched. What makes room is chosen by second chance, so that using
// an entry touches nothing but the entry. There is at most one entry for a path at any time, so an
// entry's commit-thread members are the truth about its stream. Thread-safe.
class StreamCache {
 public:
  // `capacity` counts streams; those in use may go beyond it. `database` must outlive the cache.
  StreamCache(Database& database, size_t capacity);

  // The stream at `path`, from memory or disk, or nullptr. The entry may be of a stream whose
  // creation is not committed yet: its flags tell. Errors: DataLoss.
  absl::StatusOr<EntryPtr> Find(const std::string& path);

  // Streams of earlier incarnations that are loaded from now on may have lost their end. To be
  // called before the first Find.
  void SetFirstSoundIncarnation(uint64_t incarnation) { first_sound_ = incarnation; }

  // Only the commit thread calls these three. Insert REQUIRES that the path has no entry, Replace
  // that it has `before`.
  void Insert(EntryPtr entry);
  void Erase(const StreamEntry& entry);
  void Replace(const StreamEntry& before, EntryPtr after);

  size_t size() const;

 private:
  static constexpr size_t kShards = 64;
  struct Shard {
    mutable std::mutex mutex;
    // Guarded by mutex. Keys are views of the entries' own paths.
    absl::flat_hash_map<absl::string_view, EntryPtr> entries;
    // Entries in the order in which they came, or were last passed over for being used.
    StreamEntry* newest = nullptr;
    StreamEntry* oldest = nullptr;
  };

  Shard& ShardOf(std::string_view path) {
    return shards_[std::hash<std::string_view>()(path) % kShards];
  }
  absl::StatusOr<EntryPtr> Load(const std::string& path);
  void Add(Shard& shard, EntryPtr entry);
  static void Remove(Shard& shard, const StreamEntry& entry);
  static void Unlink(Shard& shard, StreamEntry& entry);
  static void LinkNewest(Shard& shard, StreamEntry& entry);

  Database& database_;
  const size_t capacity_per_shard_;
  uint64_t first_sound_ = 0;
  std::array<Shard, kShards> shards_;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_STREAM_CACHE_H_

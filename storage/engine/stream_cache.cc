#include "storage/engine/stream_cache.h"

#include <memory>
#include <utility>

#include "storage/engine/keys.h"
#include "storage/engine/metadata.h"
#include "storage/engine/record.h"

namespace ds {
namespace {

// How many of the oldest entries one insertion looks at for one to evict, and how many of these may
// be passed over because they were used: so room is made even if all are.
constexpr int kEvictionTries = 8;
constexpr int kSecondChances = 4;

// Whether nobody but the cache holds the entry and the disk knows all of it.
bool IsEvictable(const EntryPtr& entry) {
  if (entry.use_count() != 1) return false;
  if (!entry->has_ttl()) return true;
  const int64_t unsaved = entry->last_access_nanos.load() - entry->persisted_access_nanos.load();
  return absl::Nanoseconds(unsaved) <= RenewalStep(entry->config.lifetime);
}

}  // namespace

StreamCache::StreamCache(Database& database, size_t capacity)
    : database_(database), capacity_per_shard_(capacity / kShards + 1) {}

absl::StatusOr<EntryPtr> StreamCache::Find(const std::string& path) {
  Shard& shard = ShardOf(path);
  const std::lock_guard<std::mutex> lock(shard.mutex);
  const auto it = shard.entries.find(path);
  if (it != shard.entries.end()) {
    it->second->used = true;
    return it->second;
  }
  // Under the lock: a second entry for the path must not come into being meanwhile.
  absl::StatusOr<EntryPtr> loaded = Load(path);
  if (loaded.ok() && *loaded != nullptr) Add(shard, *loaded);
  return loaded;
}

absl::StatusOr<EntryPtr> StreamCache::Load(const std::string& path) {
  std::string value;
  const rocksdb::Status status = database_.Get(Family::kStreams, path, &value);
  if (status.IsNotFound()) return EntryPtr();
  if (!status.ok()) return absl::DataLossError("cannot read a stream: " + status.ToString());
  EntryPtr entry = DecodeMetadata(path, value, first_sound_);
  if (entry == nullptr) return absl::DataLossError("the metadata of a stream is damaged");

  const uint64_t id = entry->config.lineage.stream_id();
  const std::string lower = RecordKey(id, 0);
  const rocksdb::Slice lower_bound(lower);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower_bound;
  const std::unique_ptr<rocksdb::Iterator> last(
      database_.db().NewIterator(options, database_.family(Family::kRecords)));
  last->SeekForPrev(RecordKey(id, ~0ull));
  entry->state.tail = entry->config.lineage.base();
  if (last->Valid()) {
    RecordView record;
    if (!DecodeRecord(ToView(last->value()), record)) {
      return absl::DataLossError("the last record of a stream is damaged");
    }
    entry->state.tail = RecordKeyStart(ToView(last->key())) + record.payload.size();
    entry->state.last_stream_seq = std::string(record.stream_seq);
  } else if (!last->status().ok()) {
    return absl::DataLossError("cannot read a stream: " + last->status().ToString());
  }
  entry->Publish();
  return entry;
}

void StreamCache::Insert(EntryPtr entry) {
  Shard& shard = ShardOf(entry->path);
  const std::lock_guard<std::mutex> lock(shard.mutex);
  Add(shard, std::move(entry));
}

void StreamCache::Erase(const StreamEntry& entry) {
  Shard& shard = ShardOf(entry.path);
  const std::lock_guard<std::mutex> lock(shard.mutex);
  Remove(shard, entry);
}

void StreamCache::Replace(const StreamEntry& before, EntryPtr after) {
  Shard& shard = ShardOf(before.path);
  // Under one lock: nobody must load the stream meanwhile.
  const std::lock_guard<std::mutex> lock(shard.mutex);
  Remove(shard, before);
  Add(shard, std::move(after));
}

void StreamCache::Remove(Shard& shard, const StreamEntry& entry) {
  const auto it = shard.entries.find(entry.path);
  if (it == shard.entries.end() || it->second.get() != &entry) return;
  const EntryPtr keep = it->second;  // the key is a view of the entry's path
  Unlink(shard, *keep);
  shard.entries.erase(it);
}

void StreamCache::Add(Shard& shard, EntryPtr entry) {
  StreamEntry* candidate = shard.oldest;
  for (int i = 0;
       i < kEvictionTries && candidate != nullptr && shard.entries.size() >= capacity_per_shard_;
       ++i) {
    StreamEntry* const next = candidate->newer;
    const auto it = shard.entries.find(candidate->path);
    if (std::exchange(candidate->used, false) && i < kSecondChances) {
      Unlink(shard, *candidate);
      LinkNewest(shard, *candidate);
    } else if (IsEvictable(it->second)) {
      const EntryPtr keep = it->second;
      Unlink(shard, *keep);
      shard.entries.erase(it);
    }
    candidate = next;
  }
  LinkNewest(shard, *entry);
  const absl::string_view key = entry->path;
  shard.entries.emplace(key, std::move(entry));
}

void StreamCache::Unlink(Shard& shard, StreamEntry& entry) {
  (entry.newer ? entry.newer->older : shard.newest) = entry.older;
  (entry.older ? entry.older->newer : shard.oldest) = entry.newer;
  entry.newer = entry.older = nullptr;
}

void StreamCache::LinkNewest(Shard& shard, StreamEntry& entry) {
  entry.older = shard.newest;
  (shard.newest ? shard.newest->newer : shard.oldest) = &entry;
  shard.newest = &entry;
}

size_t StreamCache::size() const {
  size_t total = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard<std::mutex> lock(shard.mutex);
    total += shard.entries.size();
  }
  return total;
}

}  // namespace ds

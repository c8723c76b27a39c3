#ifndef STORAGE_ENGINE_CHUNK_CACHE_H_
#define STORAGE_ENGINE_CHUNK_CACHE_H_

#include <cstdint>
#include <memory>

#include "rocksdb/cache.h"
#include "storage/api/types.h"

namespace ds {

// Chunks of streams as they were read, so that the next reader of the same chunk costs no walk over
// its records. What a stream's positions hold never changes and ids are never reused, so nothing
// here ever has to be taken back; what is not asked for falls out. Bounded in bytes. Thread-safe.
class ChunkCache {
 public:
  explicit ChunkCache(uint64_t capacity_bytes);

  struct Key {
    uint64_t stream_id = 0;
    uint64_t from = 0;
    uint64_t tail = 0;  // as it was: a chunk that ends there is another one when the stream grows
    uint64_t max_bytes = 0;
  };

  // The chunk that a read for `key` gives, or nullptr.
  ChunkPtr Find(const Key& key) const;
  // Keeps `chunk`, if it is worth it.
  void Insert(const Key& key, ChunkPtr chunk);

 private:
  std::shared_ptr<rocksdb::Cache> cache_;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_CHUNK_CACHE_H_

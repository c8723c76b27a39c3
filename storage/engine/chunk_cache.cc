#include "storage/engine/chunk_cache.h"

#include <string>
#include <utility>

#include "storage/engine/keys.h"

namespace ds {
namespace {

// Smaller chunks are read as fast as found; those of live tails come once and never again.
constexpr size_t kMinBytes = 4 << 10;

std::string Encode(const ChunkCache::Key& key, uint64_t tail) {
  return EncodeNumber(key.stream_id) + EncodeNumber(key.from) + EncodeNumber(tail) +
         EncodeNumber(key.max_bytes);
}

}  // namespace

ChunkCache::ChunkCache(uint64_t capacity_bytes) : cache_(rocksdb::NewLRUCache(capacity_bytes)) {}

ChunkPtr ChunkCache::Find(const Key& key) const {
  // A chunk that was cut before the tail does not depend on it and stands under 0.
  for (const uint64_t tail : {uint64_t{0}, key.tail}) {
    rocksdb::Cache::Handle* const handle = cache_->Lookup(Encode(key, tail));
    if (handle == nullptr) continue;
    ChunkPtr chunk = *static_cast<ChunkPtr*>(cache_->Value(handle));
    cache_->Release(handle);
    return chunk;
  }
  return nullptr;
}

void ChunkCache::Insert(const Key& key, ChunkPtr chunk) {
  const size_t size = chunk->data.size();
  if (size < kMinBytes) return;
  const uint64_t tail = key.from + size < key.tail ? 0 : key.tail;
  const size_t charge = size + chunk->message_sizes.size() * sizeof(uint32_t);
  auto value = std::make_unique<ChunkPtr>(std::move(chunk));
  const rocksdb::Status inserted =
      cache_->Insert(Encode(key, tail), value.get(), charge,
                     [](const rocksdb::Slice&, void* old) { delete static_cast<ChunkPtr*>(old); });
  if (inserted.ok()) value.release();
}

}  // namespace ds

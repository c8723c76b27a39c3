#ifndef STORAGE_ENGINE_STREAM_ENTRY_H_
#define STORAGE_ENGINE_STREAM_ENTRY_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "absl/time/time.h"
#include "storage/core/stream.h"
#include "storage/engine/store_clock.h"

namespace ds {

// One stream in memory. Three kinds of members: what never changes; what only the commit thread may
// touch, as the requests of the batch at work leave it; and what is committed and published, which
// any thread may read. Shared by the cache and whoever uses it.
struct StreamEntry {
  StreamEntry(std::string stream_path, StreamConfig stream_config)
      : path(std::move(stream_path)), config(std::move(stream_config)) {}

  const std::string path;
  const StreamConfig config;

  // The commit thread's.
  StreamState state;
  bool removal_pending = false;  // the batch at work deletes it
  int64_t timer_nanos = 0;       // its key in `timers`; 0: none
  uint64_t batch = 0;            // the batch that last saved its state for a rollback
  static constexpr size_t kNoExtent = ~size_t{0};
  size_t extent = kNoExtent;  // where that batch gathers its appends
  // Producers whose state was needed so far; all there are when `producers_complete`.
  std::unique_ptr<std::unordered_map<std::string, ProducerState>> producers;
  bool producers_complete = false;
  // How many producers the stream has, the batch at work included; it is counted when it is needed.
  static constexpr int64_t kNotCounted = -1;
  int64_t producer_count = kNotCounted;

  // Published. A reader loads `flags` first: a tail read after kClosed was seen is the final one.
  static constexpr uint32_t kExists = 1;
  static constexpr uint32_t kClosed = 2;
  static constexpr uint32_t kSoftDeleted = 4;
  std::atomic<uint32_t> flags{0};
  std::atomic<uint64_t> tail{0};
  std::atomic<int64_t> last_access_nanos{0};  // in running time; kept only with a TTL
  std::atomic<int64_t> persisted_access_nanos{
      0};  // what the disk says, or will with the next batch

  // The cache's, under its shard's lock.
  bool used = false;  // since it was last looked at for eviction
  StreamEntry* newer = nullptr;
  StreamEntry* older = nullptr;

  bool has_ttl() const { return config.lifetime.ttl_seconds.has_value(); }
  // In running time with a TTL, else in calendar time.
  absl::Time deadline() const {
    return Deadline(config.lifetime, absl::FromUnixNanos(last_access_nanos.load()));
  }
  // Whether its time is up. Most streams have no deadline, and the clock is not asked.
  bool IsOver(const StoreClock& clock) const {
    return config.lifetime.set() && deadline() <= (has_ttl() ? clock.Now() : clock.AcceptedWall());
  }
  // Makes the commit thread's view the published one.
  void Publish() {
    tail.store(state.tail, std::memory_order_relaxed);
    flags.store(kExists | (state.closed ? kClosed : 0) | (state.soft_deleted ? kSoftDeleted : 0),
                std::memory_order_release);
  }
};

using EntryPtr = std::shared_ptr<StreamEntry>;

}  // namespace ds

#endif  // STORAGE_ENGINE_STREAM_ENTRY_H_

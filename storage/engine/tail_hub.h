#ifndef STORAGE_ENGINE_TAIL_HUB_H_
#define STORAGE_ENGINE_TAIL_HUB_H_

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/api/stream_store.h"

namespace ds {

// Tells those who follow streams what was committed. Observers are called on the thread that
// publishes, outside the hub's locks. Subscriptions must not outlive the hub. Thread-safe.
class TailHub {
 public:
  std::unique_ptr<Subscription> Follow(const std::string& path,
                                       std::shared_ptr<TailObserver> observer);
  std::unique_ptr<Subscription> Watch(PathPattern pattern, std::shared_ptr<WatchObserver> observer);

  // Cheap: lets a commit skip the making of events that nobody wants.
  bool HasFollowers(const std::string& path) const;
  bool HasWatchers() const { return watcher_count_.load(std::memory_order_acquire) > 0; }

  void Publish(const std::string& path, const TailEvent& event);
  void Publish(const ChangeEvent& event);

 private:
  class FollowHandle;
  class WatchHandle;

  static constexpr size_t kShards = 64;
  struct Shard {
    mutable std::mutex mutex;
    // Guarded by mutex.
    std::unordered_map<std::string, std::vector<std::shared_ptr<TailObserver>>> followers;
  };
  struct Watcher {
    PathPattern pattern;
    std::shared_ptr<WatchObserver> observer;
  };

  Shard& ShardOf(const std::string& path) {
    return shards_[std::hash<std::string>()(path) % kShards];
  }
  const Shard& ShardOf(const std::string& path) const {
    return shards_[std::hash<std::string>()(path) % kShards];
  }

  std::array<Shard, kShards> shards_;
  std::atomic<size_t> follower_count_{0};
  std::atomic<size_t> watcher_count_{0};
  std::mutex watch_mutex_;
  std::vector<std::shared_ptr<Watcher>> watchers_;  // guarded by watch_mutex_
};

}  // namespace ds

#endif  // STORAGE_ENGINE_TAIL_HUB_H_

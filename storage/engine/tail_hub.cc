#include "storage/engine/tail_hub.h"

#include <algorithm>
#include <utility>

namespace ds {

class TailHub::FollowHandle final : public Subscription {
 public:
  FollowHandle(TailHub& hub, std::string path, TailObserver* observer)
      : hub_(hub), path_(std::move(path)), observer_(observer) {}
  ~FollowHandle() override {
    Shard& shard = hub_.ShardOf(path_);
    std::shared_ptr<TailObserver> released;  // destroyed outside the lock
    const std::lock_guard<std::mutex> lock(shard.mutex);
    const auto it = shard.followers.find(path_);
    auto& list = it->second;
    const auto mine = std::find_if(list.begin(), list.end(),
                                   [&](const auto& other) { return other.get() == observer_; });
    released = std::move(*mine);
    list.erase(mine);
    if (list.empty()) shard.followers.erase(it);
    --hub_.follower_count_;
  }

 private:
  TailHub& hub_;
  const std::string path_;
  TailObserver* const observer_;
};

class TailHub::WatchHandle final : public Subscription {
 public:
  WatchHandle(TailHub& hub, std::shared_ptr<Watcher> watcher)
      : hub_(hub), watcher_(std::move(watcher)) {}
  ~WatchHandle() override {
    const std::lock_guard<std::mutex> lock(hub_.watch_mutex_);
    std::erase(hub_.watchers_, watcher_);
    --hub_.watcher_count_;
  }

 private:
  TailHub& hub_;
  const std::shared_ptr<Watcher> watcher_;
};

std::unique_ptr<Subscription> TailHub::Follow(const std::string& path,
                                              std::shared_ptr<TailObserver> observer) {
  TailObserver* const raw = observer.get();
  Shard& shard = ShardOf(path);
  {
    const std::lock_guard<std::mutex> lock(shard.mutex);
    shard.followers[path].push_back(std::move(observer));
    ++follower_count_;
  }
  return std::make_unique<FollowHandle>(*this, path, raw);
}

std::unique_ptr<Subscription> TailHub::Watch(PathPattern pattern,
                                             std::shared_ptr<WatchObserver> observer) {
  auto watcher = std::make_shared<Watcher>(Watcher{std::move(pattern), std::move(observer)});
  {
    const std::lock_guard<std::mutex> lock(watch_mutex_);
    watchers_.push_back(watcher);
    ++watcher_count_;
  }
  return std::make_unique<WatchHandle>(*this, std::move(watcher));
}

bool TailHub::HasFollowers(const std::string& path) const {
  if (follower_count_.load(std::memory_order_acquire) == 0) return false;
  const Shard& shard = ShardOf(path);
  const std::lock_guard<std::mutex> lock(shard.mutex);
  return shard.followers.contains(path);
}

void TailHub::Publish(const std::string& path, const TailEvent& event) {
  std::vector<std::shared_ptr<TailObserver>> observers;
  {
    Shard& shard = ShardOf(path);
    const std::lock_guard<std::mutex> lock(shard.mutex);
    const auto it = shard.followers.find(path);
    if (it == shard.followers.end()) return;
    observers = it->second;
  }
  for (const auto& observer : observers) observer->OnTail(event);
}

void TailHub::Publish(const ChangeEvent& event) {
  std::vector<std::shared_ptr<Watcher>> watchers;
  {
    const std::lock_guard<std::mutex> lock(watch_mutex_);
    watchers = watchers_;
  }
  for (const auto& watcher : watchers) {
    if (watcher->pattern.Matches(event.path)) watcher->observer->OnChange(event);
  }
}

}  // namespace ds

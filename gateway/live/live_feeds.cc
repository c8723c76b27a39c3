#include "gateway/live/live_feeds.h"

#include <utility>

namespace ds {
namespace {

constexpr auto kLinger = std::chrono::seconds(5);
// A reader that is farther behind than this reads from the store.
constexpr auto kKept = std::chrono::seconds(2);

}  // namespace

LiveFeeds::LiveFeeds(StreamStore& store, const CursorOptions& cursors, Clock& clock,
                     Metrics& metrics)
    : store_(store), cursors_(cursors), clock_(clock), probe_(metrics) {
  sampling_ = metrics.Sample([this](Samples& samples) {
    const std::lock_guard<std::mutex> lock(mutex_);
    samples.Gauge("durable_streams_live_feeds", "Streams that this process follows for readers.",
                  static_cast<double>(feeds_.size()));
  });
}

LiveFeeds::~LiveFeeds() {
  for (auto& [path, feed] : feeds_) feed->Stop();
  for (auto& feed : retired_) feed->Stop();
}

LiveFeeds::Use LiveFeeds::Acquire(const StreamPath& path) {
  std::shared_ptr<Feed> feed;
  bool draining;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    draining = draining_;
    std::shared_ptr<Feed>& slot = feeds_[path];
    if (slot != nullptr && slot->ended()) retired_.push_back(std::move(slot));
    if (slot != nullptr) {
      ++slot->users;
      return Use(slot);
    }
    slot = feed = std::make_shared<Feed>(path, store_, cursors_, clock_, probe_);
    ++feed->users;
  }
  feed->Start();
  if (draining) feed->Drain();
  return Use(std::move(feed));
}

SseFit LiveFeeds::WorstFit(const StreamPath& path) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto it = feeds_.find(path);
  return it == feeds_.end() ? SseFit::kExact : it->second->worst_fit();
}

void LiveFeeds::Drain() {
  std::vector<std::shared_ptr<Feed>> feeds;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    draining_ = true;
    for (auto& [path, feed] : feeds_) feeds.push_back(feed);
  }
  for (const auto& feed : feeds) feed->Drain();
}

void LiveFeeds::Sweep(http::SteadyTime now) {
  std::vector<std::shared_ptr<Feed>> stopped;
  std::vector<std::shared_ptr<Feed>> lost;
  std::vector<std::shared_ptr<Feed>> woken;
  const uint64_t generation = generation_ ? generation_() : 0;
  const bool wakes = std::exchange(woken_generation_, generation) != generation;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped.swap(retired_);
    if (wakes) {
      for (const auto& [path, feed] : feeds_) woken.push_back(feed);
    }
    for (auto it = feeds_.begin(); it != feeds_.end();) {
      Feed& feed = *it->second;
      feed.Forget(now - kKept);
      if (feed.users > 0) {
        feed.idle_since = {};
        if (feed.lost()) lost.push_back(it->second);
      } else if (feed.idle_since == http::SteadyTime{}) {
        feed.idle_since = now;
      } else if (now - feed.idle_since > kLinger) {
        stopped.push_back(std::move(it->second));
        it = feeds_.erase(it);
        continue;
      }
      ++it;
    }
  }
  for (const auto& feed : stopped) feed->Stop();
  for (const auto& feed : lost) feed->Heal(now);
  for (const auto& feed : woken) feed->WakeAll();
}

}  // namespace ds

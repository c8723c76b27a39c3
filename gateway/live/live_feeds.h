#ifndef GATEWAY_LIVE_LIVE_FEEDS_H_
#define GATEWAY_LIVE_LIVE_FEEDS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/live/feed.h"
#include "gateway/live/probe.h"

namespace ds {

// The feeds of one gateway: at most one subscription to the store per stream, however many readers
// there are. A feed without readers stays for a few seconds, since a long-poll reader is soon back.
// Thread-safe.
class LiveFeeds final : public http::Swept {
 public:
  // All must outlive the object.
  LiveFeeds(StreamStore& store, const CursorOptions& cursors, Clock& clock, Metrics& metrics);
  // Ends all subscriptions. REQUIRES: no reader is left.
  ~LiveFeeds() override;

  // Holds a feed; movable.
  class Use {
   public:
    Use() = default;
    explicit Use(std::shared_ptr<Feed> feed) : feed_(std::move(feed)) {}
    Use(Use&& other) noexcept : feed_(std::move(other.feed_)) {}
    Use& operator=(Use&& other) noexcept {
      std::swap(feed_, other.feed_);
      return *this;
    }
    ~Use() {
      if (feed_ != nullptr) --feed_->users;
    }
    Feed* operator->() const { return feed_.get(); }
    explicit operator bool() const { return feed_ != nullptr; }

   private:
    std::shared_ptr<Feed> feed_;
  };

  // The feed of the stream at `path`, which may still be starting.
  Use Acquire(const StreamPath& path);

  // The worst text that is known to be in the stream at `path`: that of its feed, if there is one.
  SseFit WorstFit(const StreamPath& path);

  // Tells every waiting reader, now and later, that the server drains.
  void Drain();

  // Has every waiting reader woken whenever a sweep finds that the number has become another one.
  // To be called once, before the first sweep.
  void WakeOn(std::function<uint64_t()> generation) { generation_ = std::move(generation); }

  // Lets go of feeds that nobody reads, heals those that were lost, and wakes those who have to
  // look whether they may go on.
  void Sweep(http::SteadyTime now) override;

 private:
  StreamStore& store_;
  const CursorOptions& cursors_;
  Clock& clock_;
  LiveProbe probe_;
  // Of the thread that sweeps.
  std::function<uint64_t()> generation_;
  uint64_t woken_generation_ = 0;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::unordered_map<std::string, std::shared_ptr<Feed>> feeds_;
  std::vector<std::shared_ptr<Feed>> retired_;  // ended; to be stopped by the next sweep
  bool draining_ = false;
  Metrics::Sampling sampling_;  // last: it ends first
};

}  // namespace ds

#endif  // GATEWAY_LIVE_LIVE_FEEDS_H_

#ifndef GATEWAY_LIVE_FEED_H_
#define GATEWAY_LIVE_FEED_H_

#include <atomic>
#include <chrono>
#include <coroutine>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "boost/asio/steady_timer.hpp"
#include "gateway/http/exchange.h"
#include "gateway/http/io_thread.h"
#include "gateway/protocol/cursor.h"
#include "storage/api/stream_store.h"

namespace ds {

// One commit, with what its readers have in common. `frame` is the commit as server-sent events: a
// data event and its control event, encoded once and written by every reader.
struct FeedItem {
  TailEvent event;
  std::shared_ptr<const std::string> frame;         // for a reader that is then up to date
  std::shared_ptr<const std::string> frame_behind;  // for one for whom more follows
};

// The live end of one stream, shared by all its readers in this process: one subscription to the
// store, the last commits in a bounded ring, and the readers that wait for the next one. A reader
// that falls out of the ring goes back to reading from the store. Thread-safe.
class Feed final : public TailObserver, public std::enable_shared_from_this<Feed> {
 public:
  Feed(std::string path, const CursorOptions& cursors, Clock& clock);

  // Subscribes; to be called once.
  void Start(StreamStore& store);
  // Ends the subscription and wakes every waiter for good. Not from within OnTail.
  void Stop();

  struct View {
    enum class Kind {
      kItems,    // `items` follow the position
      kBehind,   // the ring has lost what follows: read from the store
      kNothing,  // the position is the tail
      kEnd,      // the position is the final one of a closed stream
      kEnded,    // the feed has ended: stream deleted, another incarnation, or connection lost
    };
    Kind kind = Kind::kNothing;
    std::vector<FeedItem> items;
    bool reaches_tail = false;  // with kItems: nothing follows them
  };
  // What there is behind `position` of the incarnation `stream_id`; at most about `max_bytes` of
  // it. With `encode`, items come with their frames.
  View After(uint64_t stream_id, uint64_t position, uint64_t max_bytes, bool encode);

  enum class Wake { kProgress, kTimeout, kGone, kDraining };

  // Waits on the exchange's thread until After() says something else than kNothing, until
  // `deadline`, until the peer goes, or until the server drains.
  class Waiting;
  [[nodiscard]] Waiting Wait(http::Exchange& exchange, uint64_t stream_id, uint64_t position,
                             http::SteadyTime deadline);

  void WakeAll(Wake reason);

  void OnTail(const TailEvent& event) override;

  bool ended() const;
  // The store could not be reached; as opposed to: the stream is gone.
  bool lost() const;

  // Readers that hold the feed, for LiveFeeds.
  std::atomic<int> users{0};
  http::SteadyTime idle_since;  // guarded by LiveFeeds' mutex

  // True at most once in `interval` over all readers: whoever gets it renews the stream's TTL.
  bool TakeRenewal(http::SteadyTime now, std::chrono::milliseconds interval);

 private:
  struct Waiter;

  void OnReady(const HeadResult& head);
  View::Kind Locate(uint64_t stream_id, uint64_t position, size_t& first) const;
  void Encode(FeedItem& item) const;
  void Link(const std::shared_ptr<Waiter>& waiter);
  void Unlink(Waiter& waiter);
  std::vector<std::shared_ptr<Waiter>> TakeWaiters();
  static void Notify(std::vector<std::shared_ptr<Waiter>> waiters, Wake reason);

  const std::string path_;
  const CursorOptions& cursors_;
  Clock& clock_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::unique_ptr<Subscription> subscription_;
  bool ready_ = false;
  bool ended_ = false;
  bool lost_ = false;
  bool draining_ = false;
  std::string content_type_;
  uint64_t stream_id_ = 0;
  uint64_t tail_ = 0;
  bool closed_ = false;
  std::deque<FeedItem> ring_;
  uint64_t ring_bytes_ = 0;
  std::shared_ptr<Waiter> waiters_;
  http::SteadyTime renewed_;
};

struct Feed::Waiter : std::enable_shared_from_this<Waiter> {
  explicit Waiter(http::IoThread& thread) : io(thread), timer(thread.context()) {}

  http::IoThread& io;
  boost::asio::steady_timer timer;
  std::coroutine_handle<> coroutine;
  http::Exchange* exchange = nullptr;
  Wake result = Wake::kProgress;
  // Guarded by the feed's mutex.
  bool linked = false;
  std::shared_ptr<Waiter> next;
  Waiter* previous = nullptr;

  void Finish(Wake reason);
};

class Feed::Waiting {
 public:
  Waiting(std::shared_ptr<Feed> feed, http::Exchange& exchange, uint64_t stream_id,
          uint64_t position, http::SteadyTime deadline)
      : feed_(std::move(feed)),
        exchange_(exchange),
        stream_id_(stream_id),
        position_(position),
        deadline_(deadline) {}

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> coroutine);
  Wake await_resume() const { return waiter_ ? waiter_->result : result_; }

 private:
  const std::shared_ptr<Feed> feed_;
  http::Exchange& exchange_;
  const uint64_t stream_id_;
  const uint64_t position_;
  const http::SteadyTime deadline_;
  std::shared_ptr<Waiter> waiter_;
  Wake result_ = Wake::kProgress;
};

}  // namespace ds

#endif  // GATEWAY_LIVE_FEED_H_

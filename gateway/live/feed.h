#ifndef GATEWAY_LIVE_FEED_H_
#define GATEWAY_LIVE_FEED_H_

#include <atomic>
#include <chrono>
#include <coroutine>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "boost/intrusive/list.hpp"
#include "gateway/http/exchange.h"
#include "gateway/http/io_thread.h"
#include "gateway/http/timer_queue.h"
#include "gateway/live/probe.h"
#include "gateway/protocol/cursor.h"
#include "storage/api/stream_store.h"

namespace ds {

// One commit, with what its readers have in common: the commit as server-sent events, a data event
// and its control event, encoded once and sent by every reader.
struct FeedItem {
  TailEvent event;
  http::SteadyTime arrived;
  std::shared_ptr<const http::SharedPayload> frame;         // for a reader that is then up to date
  std::shared_ptr<const http::SharedPayload> frame_behind;  // for one for whom more follows
};

// The live end of one stream, shared by all its readers in this process: one subscription to the
// store, the last commits in a bounded ring, and the readers that wait for the next one.
//
// The readers of one thread form a group. A commit costs each thread one task, in which the group's
// readers get it one after the other: one that follows is sent the shared frame where it stands,
// without waking its coroutine; one that waits, or that cannot keep up, is resumed. A reader that
// falls out of the ring goes back to reading from the store. Thread-safe.
class Feed final : public TailObserver, public std::enable_shared_from_this<Feed> {
 public:
  Feed(std::string path, const CursorOptions& cursors, Clock& clock, LiveProbe& probe);
  ~Feed() override;

  // Subscribes; to be called once.
  void Start(StreamStore& store);
  // Ends the subscription and wakes every reader for good. Not from within OnTail.
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
  // it. With `encode`, each item has the frame that is to be sent of it.
  View After(uint64_t stream_id, uint64_t position, uint64_t max_bytes, bool encode);

  enum class Wake { kProgress, kTimeout, kGone, kDraining };

  class Reader;
  // Waits on the exchange's thread until After() says something else than kNothing, until
  // `deadline`, until the peer goes, or until the server drains.
  [[nodiscard]] Reader Wait(http::Exchange& exchange, uint64_t stream_id, uint64_t position,
                            http::SteadyTime deadline);
  // Waits likewise, but meanwhile sends what is committed, moving `next` along, until that is not
  // possible without the coroutine: the peer does not take it as fast, the stream is closed, the
  // ring has lost what follows. `next` must outlive the wait.
  [[nodiscard]] Reader Follow(http::Exchange& exchange, uint64_t stream_id, Offset& next,
                              http::SteadyTime deadline);

  // Wakes all readers, now and whenever they wait again.
  void Drain();

  void OnTail(const TailEvent& event) override;

  bool ended() const;
  // The store could not be reached; as opposed to: the stream is gone.
  bool lost() const;

  // The cursor in the shared frames of what is committed now.
  uint64_t cursor() const;

  // Lets go of commits that came before `time`.
  void Forget(http::SteadyTime time);

  // Readers that hold the feed, for LiveFeeds.
  std::atomic<int> users{0};
  http::SteadyTime idle_since;  // guarded by LiveFeeds' mutex

  // True at most once in `interval` over all readers: whoever gets it renews the stream's TTL.
  bool TakeRenewal(http::SteadyTime now, std::chrono::milliseconds interval);

 private:
  using Readers = boost::intrusive::list<Reader, boost::intrusive::constant_time_size<false>>;
  struct Group;

  void OnReady(const HeadResult& head);
  View::Kind Locate(uint64_t stream_id, uint64_t position, size_t& first) const;
  // Returns the frame of an item for a reader for whom `more` follows or nothing.
  const http::SharedPayload& Encode(FeedItem& item, bool more) const;
  Group& GroupOf(http::IoThread& io);
  // Has every group with readers look at what is new; with `resume`, each of them.
  void Tell(bool resume);
  void Dispatch(Group& group);

  const std::string path_;
  const CursorOptions& cursors_;
  Clock& clock_;
  LiveProbe& probe_;

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
  std::vector<FeedItem> ring_;
  uint64_t ring_bytes_ = 0;
  std::vector<std::unique_ptr<Group>> groups_;
  http::SteadyTime renewed_;
};

// A coroutine at the end of a stream, while it waits. Stands in the coroutine's frame and belongs
// to the exchange's thread.
class Feed::Reader final : public boost::intrusive::list_base_hook<
                               boost::intrusive::link_mode<boost::intrusive::auto_unlink>>,
                           private http::Timed,
                           private http::Exchange::GoneObserver {
 public:
  using Hook =
      boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  Reader(std::shared_ptr<Feed> feed, http::Exchange& exchange, uint64_t stream_id,
         uint64_t position, Offset* follow, http::SteadyTime deadline)
      : feed_(std::move(feed)),
        exchange_(exchange),
        stream_id_(stream_id),
        position_(position),
        follow_(follow),
        deadline_(deadline) {}
  Reader(const Reader&) = delete;

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> coroutine);
  Wake await_resume() const { return result_; }

 private:
  friend class Feed;

  void OnTime() override { Finish(Wake::kTimeout); }
  void OnGone() override { Finish(Wake::kGone); }
  // Returns whether the reader has got what there is and waits on.
  bool Take(std::span<const FeedItem> items, bool reaches_tail);
  // Resumes the coroutine; the object is gone when this returns.
  void Finish(Wake reason);

  const std::shared_ptr<Feed> feed_;
  http::Exchange& exchange_;
  const uint64_t stream_id_;
  uint64_t position_;
  Offset* const follow_;  // nullptr: waits only
  const http::SteadyTime deadline_;
  std::coroutine_handle<> coroutine_;
  Wake result_ = Wake::kProgress;
};

}  // namespace ds

#endif  // GATEWAY_LIVE_FEED_H_

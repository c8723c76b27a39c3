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
#include "gateway/live/keepalive.h"
#include "gateway/live/probe.h"
#include "gateway/protocol/cursor.h"
#include "gateway/protocol/sse.h"
#include "storage/api/stream_store.h"

namespace ds {

// One commit, with what its readers have in common: the commit as server-sent events, a data event
// and its control event, encoded once and sent by every reader of that form.
struct FeedItem {
  struct Frames {
    std::shared_ptr<const http::SharedPayload> last;    // for a reader that is then up to date
    std::shared_ptr<const http::SharedPayload> behind;  // for one for whom more follows
  };

  // The frame of that form. REQUIRES: it was encoded.
  const http::SharedPayload* frame(SseForm form, bool more) const {
    const Frames& frames = form == SseForm::kBase64 ? base64 : lines;
    return (more ? frames.behind : frames.last).get();
  }
  // What lines make of the data.
  SseFit fit() const { return known_fit.value_or(SseFit::kExact); }

  TailEvent event;
  http::SteadyTime arrived;
  std::optional<SseFit> known_fit;  // set when the item is encoded as lines
  Frames lines;
  Frames base64;
};

// The live end of one stream, shared by all its readers in this process: one subscription to the
// store, the last commits in a bounded ring, and the readers that wait for the next one.
//
// The readers of one thread form a group. A commit costs each thread one task, in which the group's
// readers get it one after the other: one that follows is sent the shared frame where it stands,
// without waking its coroutine; one that waits, or that cannot keep up, is resumed. A reader that
// falls out of the ring goes back to reading from the store.
//
// The ring is contiguous and ends at the tail, always: what comes after a gap empties it first, so
// a reader can only get past a gap by reading from the store. When the connection to the store is
// lost, the feed follows anew by itself, and its readers wait meanwhile; what was missed is such a
// gap. Only when the store stays away does the feed end. Thread-safe.
class Feed final : public std::enable_shared_from_this<Feed> {
 public:
  // All must outlive the object.
  Feed(StreamPath path, StreamStore& store, const CursorOptions& cursors, Clock& clock,
       LiveProbe& probe);
  ~Feed();

  // Subscribes; to be called once.
  void Start() { Subscribe(); }
  // Ends the subscription and wakes every reader for good. Not from within a call of the store's.
  void Stop();
  // If the store was lost: tries to follow anew, or ends the feed after some seconds of that.
  void Heal(http::SteadyTime now);

  struct View {
    enum class Kind {
      kItems,    // `items` follow the position
      kUnfit,    // what follows cannot be sent in that form
      kBehind,   // the ring does not have what follows: read from the store
      kNothing,  // the position is the tail, as far as can be known now
      kEnd,      // the position is the final one of a closed stream
      kEnded,    // the feed has ended: stream deleted, another incarnation, or the store is away
    };
    Kind kind = Kind::kNothing;
    std::vector<FeedItem> items;
    bool reaches_tail = false;  // with kItems: nothing follows them
  };
  // What there is behind `position` of the incarnation `stream_id`; at most about `max_bytes` of
  // it. With `form`, only what that carries, and each item has its frames of that form.
  View After(uint64_t stream_id, uint64_t position, uint64_t max_bytes,
             std::optional<SseForm> form);

  enum class Wake { kProgress, kTimeout, kGone, kDraining };

  class Reader;
  // Waits on the exchange's thread until After() says something else than kNothing, until
  // `deadline`, until the peer goes, or until the server drains. With `keepalive`, which must
  // outlive the wait, the response of server-sent events is kept alive.
  [[nodiscard]] Reader Wait(http::Exchange& exchange, uint64_t stream_id, uint64_t position,
                            const Keepalive* keepalive, http::SteadyTime deadline);
  // Waits likewise, but meanwhile sends what is committed as `form`, moving `next` along, until
  // that is not possible without the coroutine: the peer does not take it as fast, the stream is
  // closed, the ring does not have what follows, the form does not carry it. `next` must outlive
  // the wait.
  [[nodiscard]] Reader Follow(http::Exchange& exchange, uint64_t stream_id, Offset& next,
                              SseForm form, const Keepalive* keepalive, http::SteadyTime deadline);

  // Wakes all readers, now and whenever they wait again.
  void Drain();
  // Wakes all readers once, as if there was progress: they may wait again.
  void WakeAll() { Tell(/*resume=*/true); }

  bool ended() const;
  // The store cannot be reached at present: what readers know may be old.
  bool lost() const;

  // The stream has text of this fit. What was noted or encoded is remembered while the feed lives,
  // so that a response that begins soon need not change its form.
  void NoteFit(SseFit fit);
  SseFit worst_fit() const;

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
  class Link;

  enum class State {
    kStarting,  // the store has not said yet what there is
    kFollowing,
    kLost,
    kEnded,
  };

  void Subscribe();
  // What the store says to the subscription with that number; of an earlier one it is ignored.
  void OnReady(const HeadResult& head, uint64_t subscription_number);
  void OnTail(const TailEvent& event, uint64_t subscription_number);

  // With the mutex held, all of these.
  void TakeHeadLocked(const HeadResult& head);
  void LoseLocked();
  void AppendLocked(const TailEvent& event);
  // Lets go of the ring's first `count` items.
  void DropLocked(size_t count);
  View::Kind Locate(uint64_t stream_id, uint64_t position, size_t& first) const;
  // Sees to it that an item has the frame of that form, for readers for whom `more` follows or
  // nothing.
  void Encode(FeedItem& item, SseForm form, bool more);
  SseFit FindFit(FeedItem& item);
  Group& GroupOf(http::IoThread& io);

  // Has every group with readers look at what is new; with `resume`, each of them.
  void Tell(bool resume);
  void Dispatch(Group& group);

  const StreamPath path_;
  StreamStore& store_;
  const CursorOptions& cursors_;
  Clock& clock_;
  LiveProbe& probe_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::unique_ptr<Subscription> subscription_;
  uint64_t subscription_number_ = 0;
  bool subscribing_ = false;  // OnReady is still to come
  State state_ = State::kStarting;
  http::SteadyTime lost_at_;
  Offset lost_tail_;  // what tail_ was then
  bool draining_ = false;
  bool known_ = false;  // the store has once said what there is
  std::string content_type_;
  uint64_t stream_id_ = 0;
  Offset tail_;
  bool closed_ = false;
  std::vector<FeedItem> ring_;
  uint64_t ring_bytes_ = 0;
  SseFit worst_fit_ = SseFit::kExact;
  bool wants_lines_ = false;  // there was a reader who follows in such a form
  bool wants_base64_ = false;
  std::vector<std::unique_ptr<Group>> groups_;
  http::SteadyTime renewed_;
};

}  // namespace ds

#endif  // GATEWAY_LIVE_FEED_H_

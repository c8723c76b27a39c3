#ifndef GATEWAY_LIVE_FEED_READER_H_
#define GATEWAY_LIVE_FEED_READER_H_

#include <coroutine>
#include <memory>
#include <span>
#include <utility>

#include "gateway/live/feed.h"

namespace ds {

// A coroutine at the end of a stream, while it waits. Stands in the coroutine's frame and belongs
// to the exchange's thread.
class Feed::Reader final : public boost::intrusive::list_base_hook<
                               boost::intrusive::link_mode<boost::intrusive::auto_unlink>>,
                           private http::Timed,
                           private http::Exchange::GoneObserver {
 public:
  using Hook =
      boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  // Where the reader stands: `follow`, or `position` if it only waits.
  struct Place {
    uint64_t stream_id;
    uint64_t position;
    Offset* follow = nullptr;
    SseForm form = SseForm::kExact;
  };

  Reader(std::shared_ptr<Feed> feed, http::Exchange& exchange, const Place& place,
         const Keepalive* keepalive, http::SteadyTime deadline)
      : feed_(std::move(feed)),
        exchange_(exchange),
        place_(place),
        keepalive_(keepalive != nullptr && keepalive->enabled() ? keepalive : nullptr),
        deadline_(deadline),
        sent_at_(exchange.io().now()) {}
  Reader(const Reader&) = delete;

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> coroutine);
  Wake await_resume() const { return result_; }

 private:
  friend class Feed;

  void OnTime() override;
  void OnGone() override { Finish(Wake::kGone); }
  // Sets the timer for what comes first: the deadline or the next comment.
  void StartTimer(bool spread);
  // Returns whether the reader has got what there is and waits on.
  bool Take(std::span<const FeedItem> items, bool reaches_tail);
  // Resumes the coroutine; the object is gone when this returns.
  void Finish(Wake reason);

  const std::shared_ptr<Feed> feed_;
  http::Exchange& exchange_;
  Place place_;
  const Keepalive* const keepalive_;  // nullptr: none
  const http::SteadyTime deadline_;
  http::SteadyTime sent_at_;      // when something was sent last
  http::SteadyTime timer_basis_;  // what sent_at_ was when the timer was set
  std::coroutine_handle<> coroutine_;
  Wake result_ = Wake::kProgress;
};

}  // namespace ds

#endif  // GATEWAY_LIVE_FEED_READER_H_

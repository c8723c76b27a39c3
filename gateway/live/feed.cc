#include "gateway/live/feed.h"

#include <algorithm>
#include <map>
#include <utility>

#include "gateway/protocol/encoding.h"

namespace ds {
namespace {

constexpr uint64_t kMaxRingBytes = 1u << 20;
constexpr size_t kMaxRingItems = 512;

}  // namespace

Feed::Feed(std::string path, const CursorOptions& cursors, Clock& clock)
    : path_(std::move(path)), cursors_(cursors), clock_(clock) {}

void Feed::Start(StreamStore& store) {
  std::unique_ptr<Subscription> subscription =
      store.Tail(path_, shared_from_this(),
                 [feed = shared_from_this()](const HeadResult& head) { feed->OnReady(head); });
  const std::lock_guard<std::mutex> lock(mutex_);
  subscription_ = std::move(subscription);
}

void Feed::Stop() {
  std::unique_ptr<Subscription> subscription;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    subscription = std::move(subscription_);
  }
  WakeAll(Wake::kProgress);
}

void Feed::OnReady(const HeadResult& head) {
  std::vector<std::shared_ptr<Waiter>> waiters;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ready_ = true;
    if (head.status.ok()) {
      content_type_ = head.info.content_type;
      stream_id_ = head.info.stream_id;
      tail_ = std::max(tail_, head.info.tail.position);
      closed_ |= head.info.closed;
    } else {
      ended_ = true;
      lost_ = absl::IsUnavailable(head.status);
    }
    waiters = TakeWaiters();
  }
  Notify(std::move(waiters), Wake::kProgress);
}

void Feed::OnTail(const TailEvent& event) {
  std::vector<std::shared_ptr<Waiter>> waiters;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (event.kind == TailEvent::Kind::kGone || event.kind == TailEvent::Kind::kLost) {
      ended_ = true;
      lost_ = event.kind == TailEvent::Kind::kLost;
    } else {
      closed_ |= event.closed;
      if (event.kind == TailEvent::Kind::kData && event.next.position > tail_) {
        tail_ = event.next.position;
        ring_bytes_ += event.data->size();
        ring_.push_back({event, nullptr, nullptr});
        while (ring_.size() > 1 && (ring_bytes_ > kMaxRingBytes || ring_.size() > kMaxRingItems)) {
          ring_bytes_ -= ring_.front().event.data->size();
          ring_.pop_front();
        }
      }
    }
    waiters = TakeWaiters();
  }
  Notify(std::move(waiters), Wake::kProgress);
}

Feed::View::Kind Feed::Locate(uint64_t stream_id, uint64_t position, size_t& first) const {
  if (ended_) return View::Kind::kEnded;
  if (!ready_) return View::Kind::kNothing;
  if (stream_id != stream_id_) return View::Kind::kEnded;
  if (position >= tail_) return closed_ ? View::Kind::kEnd : View::Kind::kNothing;
  // Readers are mostly at the ring's end.
  for (size_t i = ring_.size(); i-- > 0;) {
    if (ring_[i].event.start.position > position) continue;
    if (ring_[i].event.start.position < position) return View::Kind::kBehind;
    first = i;
    return View::Kind::kItems;
  }
  return View::Kind::kBehind;
}

Feed::View Feed::After(uint64_t stream_id, uint64_t position, uint64_t max_bytes, bool encode) {
  const std::lock_guard<std::mutex> lock(mutex_);
  View view;
  size_t first = 0;
  view.kind = Locate(stream_id, position, first);
  if (view.kind != View::Kind::kItems) return view;
  uint64_t bytes = 0;
  for (size_t i = first; i < ring_.size() && (i == first || bytes < max_bytes); ++i) {
    if (encode) Encode(ring_[i]);
    bytes += ring_[i].event.data->size();
    view.items.push_back(ring_[i]);
  }
  view.reaches_tail = view.items.back().event.next.position == tail_;
  return view;
}

void Feed::Encode(FeedItem& item) const {
  if (item.frame != nullptr) return;
  const TailEvent& event = item.event;
  const std::string data = SseDataEvent(content_type_, *event.data, *event.message_sizes);
  SseControl control{.next = event.next};
  if (!event.closed) control.cursor = ResponseCursor(cursors_, clock_.Now(), std::nullopt, 0);
  item.frame_behind = std::make_shared<const std::string>(data + SseControlEvent(control));
  control.up_to_date = true;
  control.closed = event.closed;
  item.frame = std::make_shared<const std::string>(data + SseControlEvent(control));
}

bool Feed::ended() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return ended_;
}

bool Feed::lost() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return lost_;
}

bool Feed::TakeRenewal(http::SteadyTime now, std::chrono::milliseconds interval) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (now - renewed_ < interval) return false;
  renewed_ = now;
  return true;
}

Feed::Waiting Feed::Wait(http::Exchange& exchange, uint64_t stream_id, uint64_t position,
                         http::SteadyTime deadline) {
  return Waiting(shared_from_this(), exchange, stream_id, position, deadline);
}

void Feed::WakeAll(Wake reason) {
  std::vector<std::shared_ptr<Waiter>> waiters;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (reason == Wake::kDraining) draining_ = true;
    waiters = TakeWaiters();
  }
  Notify(std::move(waiters), reason);
}

void Feed::Link(const std::shared_ptr<Waiter>& waiter) {
  waiter->linked = true;
  waiter->next = waiters_;
  if (waiters_ != nullptr) waiters_->previous = waiter.get();
  waiters_ = waiter;
}

void Feed::Unlink(Waiter& waiter) {
  const auto keep = waiter.shared_from_this();
  if (waiter.next != nullptr) waiter.next->previous = waiter.previous;
  (waiter.previous ? waiter.previous->next : waiters_) = waiter.next;
  waiter.next = nullptr;
  waiter.previous = nullptr;
  waiter.linked = false;
}

std::vector<std::shared_ptr<Feed::Waiter>> Feed::TakeWaiters() {
  std::vector<std::shared_ptr<Waiter>> taken;
  while (waiters_ != nullptr) {
    std::shared_ptr<Waiter> waiter = std::move(waiters_);
    waiters_ = std::move(waiter->next);
    waiter->previous = nullptr;
    waiter->linked = false;
    taken.push_back(std::move(waiter));
  }
  return taken;
}

void Feed::Notify(std::vector<std::shared_ptr<Waiter>> waiters, Wake reason) {
  std::map<http::IoThread*, std::vector<std::shared_ptr<Waiter>>> by_thread;
  for (auto& waiter : waiters) by_thread[&waiter->io].push_back(std::move(waiter));
  for (auto& [io, list] : by_thread) {
    io->Post([list = std::move(list), reason] {
      for (const auto& waiter : list) waiter->Finish(reason);
    });
  }
}

void Feed::Waiter::Finish(Wake reason) {
  result = reason;
  timer.cancel();
  exchange->OnGone({});
  std::exchange(coroutine, {}).resume();
}

bool Feed::Waiting::await_suspend(std::coroutine_handle<> coroutine) {
  if (exchange_.gone()) {
    result_ = Wake::kGone;
    return false;
  }
  auto waiter = std::make_shared<Waiter>(exchange_.io());
  waiter->coroutine = coroutine;
  waiter->exchange = &exchange_;
  // Both ends below run on this thread, so neither can resume the coroutine before this returns;
  // a wake-up from outside is posted to this thread.
  const auto end = [feed = feed_, waiter](Wake reason) {
    {
      const std::lock_guard<std::mutex> lock(feed->mutex_);
      if (!waiter->linked) return;  // its wake-up is on the way
      feed->Unlink(*waiter);
    }
    waiter->Finish(reason);
  };
  waiter->timer.expires_at(deadline_);
  waiter->timer.async_wait([end](const boost::system::error_code& error) {
    if (!error) end(Wake::kTimeout);
  });
  exchange_.OnGone([end] { end(Wake::kGone); });
  const std::lock_guard<std::mutex> lock(feed_->mutex_);
  size_t first;
  const bool something =
      feed_->Locate(stream_id_, position_, first) != View::Kind::kNothing || feed_->draining_;
  if (something) {
    result_ = feed_->draining_ ? Wake::kDraining : Wake::kProgress;
    waiter->timer.cancel();
    exchange_.OnGone({});
    return false;
  }
  waiter_ = waiter;
  feed_->Link(waiter);
  return true;
}

}  // namespace ds

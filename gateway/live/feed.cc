#include "gateway/live/feed.h"

#include <algorithm>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "gateway/protocol/encoding.h"

namespace ds {
namespace {

constexpr uint64_t kMaxRingBytes = 1u << 20;
constexpr size_t kMaxRingItems = 512;

}  // namespace

// The readers of one thread.
struct Feed::Group {
  explicit Group(http::IoThread& thread) : io(thread) {}

  http::IoThread& io;
  Readers readers;  // touched on that thread only
  // Guarded by the feed's mutex.
  bool active = false;    // there may be readers
  bool posted = false;    // a Dispatch is on its way
  bool resume = false;    // which is to resume them all
  uint64_t position = 0;  // up to which they have been told
};

Feed::Feed(std::string path, const CursorOptions& cursors, Clock& clock, LiveProbe& probe)
    : path_(std::move(path)), cursors_(cursors), clock_(clock), probe_(probe) {}

Feed::~Feed() = default;

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
  Tell(/*resume=*/true);
}

void Feed::Drain() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    draining_ = true;
  }
  Tell(/*resume=*/true);
}

void Feed::OnReady(const HeadResult& head) {
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
  }
  Tell(/*resume=*/true);
}

void Feed::OnTail(const TailEvent& event) {
  bool resume = true;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (event.kind == TailEvent::Kind::kGone || event.kind == TailEvent::Kind::kLost) {
      ended_ = true;
      lost_ = event.kind == TailEvent::Kind::kLost;
      if (lost_) probe_.feeds_lost.Increment();
    } else {
      closed_ |= event.closed;
      resume = closed_;
      if (event.kind == TailEvent::Kind::kData && event.next.position > tail_) {
        tail_ = event.next.position;
        ring_bytes_ += event.data().size();
        ring_.push_back({event, std::chrono::steady_clock::now(), nullptr, nullptr});
        if (ring_.size() > 1 && (ring_bytes_ > kMaxRingBytes || ring_.size() > kMaxRingItems)) {
          // A quarter at a time, so that moving the rest up costs little.
          size_t drop = 0;
          while (drop + 1 < ring_.size() && (ring_bytes_ > kMaxRingBytes / 4 * 3 ||
                                             ring_.size() - drop > kMaxRingItems / 4 * 3)) {
            ring_bytes_ -= ring_[drop++].event.data().size();
          }
          ring_.erase(ring_.begin(), ring_.begin() + static_cast<ptrdiff_t>(drop));
        }
      }
    }
  }
  Tell(resume);
}

void Feed::Forget(http::SteadyTime time) {
  const std::lock_guard<std::mutex> lock(mutex_);
  size_t drop = 0;
  while (drop < ring_.size() && ring_[drop].arrived < time) {
    ring_bytes_ -= ring_[drop++].event.data().size();
  }
  if (drop == 0) return;
  ring_.erase(ring_.begin(), ring_.begin() + static_cast<ptrdiff_t>(drop));
  ring_.shrink_to_fit();
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
  if (view.kind == View::Kind::kBehind) probe_.slow_reader_moves.Increment();
  if (view.kind != View::Kind::kItems) return view;
  size_t end = first;
  uint64_t bytes = 0;
  while (end < ring_.size() && (end == first || bytes < max_bytes)) {
    bytes += ring_[end++].event.data().size();
  }
  view.reaches_tail = ring_[end - 1].event.next.position == tail_;
  for (size_t i = first; i < end; ++i) {
    if (encode) Encode(ring_[i], /*more=*/i + 1 < end || !view.reaches_tail);
    view.items.push_back(ring_[i]);
  }
  return view;
}

const http::SharedPayload& Feed::Encode(FeedItem& item, bool more) const {
  std::shared_ptr<const http::SharedPayload>& frame = more ? item.frame_behind : item.frame;
  if (frame == nullptr) {
    const TailEvent& event = item.event;
    SseControl control{.next = event.next, .up_to_date = !more, .closed = !more && event.closed};
    if (!event.closed) control.cursor = cursor();
    frame = std::make_shared<const http::SharedPayload>(
        SseDataEvent(content_type_, event.data(), event.message_sizes()) +
        SseControlEvent(control));
  }
  return *frame;
}

uint64_t Feed::cursor() const { return ResponseCursor(cursors_, clock_.Now(), std::nullopt, 0); }

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

Feed::Reader Feed::Wait(http::Exchange& exchange, uint64_t stream_id, uint64_t position,
                        http::SteadyTime deadline) {
  return Reader(shared_from_this(), exchange, stream_id, position, nullptr, deadline);
}

Feed::Reader Feed::Follow(http::Exchange& exchange, uint64_t stream_id, Offset& next,
                          http::SteadyTime deadline) {
  return Reader(shared_from_this(), exchange, stream_id, next.position, &next, deadline);
}

Feed::Group& Feed::GroupOf(http::IoThread& io) {
  for (const auto& group : groups_) {
    if (&group->io == &io) return *group;
  }
  groups_.push_back(std::make_unique<Group>(io));
  return *groups_.back();
}

void Feed::Tell(bool resume) {
  absl::InlinedVector<Group*, 8> told;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& group : groups_) {
      if (!group->active) continue;
      group->resume |= resume;
      if (std::exchange(group->posted, true)) continue;
      told.push_back(group.get());
    }
  }
  for (Group* const group : told) {
    group->io.Post([feed = shared_from_this(), group] { feed->Dispatch(*group); });
  }
}

void Feed::Dispatch(Group& group) {
  std::vector<FeedItem> items;
  bool resume;
  Wake reason = Wake::kProgress;
  bool reaches_tail = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    group.posted = false;
    resume = std::exchange(group.resume, false);
    group.active = !group.readers.empty();
    if (!group.active) return;
    if (draining_) reason = Wake::kDraining;
    if (!resume) {
      const bool encode = std::any_of(group.readers.begin(), group.readers.end(),
                                      [](const Reader& reader) { return reader.follow_; });
      size_t first = ring_.size();
      while (first > 0 && ring_[first - 1].event.start.position >= group.position) --first;
      for (size_t i = first; i < ring_.size(); ++i) {
        if (encode) Encode(ring_[i], /*more=*/i + 1 < ring_.size());
        items.push_back(ring_[i]);
      }
      reaches_tail = !items.empty() && items.back().event.next.position == tail_;
    }
    group.position = tail_;
  }
  // Those who wait again do so in the group's list.
  Readers readers;
  readers.swap(group.readers);
  while (!readers.empty()) {
    Reader& reader = readers.front();
    readers.pop_front();
    if (resume || !reader.Take(items, reaches_tail)) {
      reader.Finish(reader.exchange_.gone() ? Wake::kGone : reason);
    } else {
      group.readers.push_back(reader);
    }
  }
  if (items.empty()) return;
  const http::SteadyTime now = std::chrono::steady_clock::now();
  for (const FeedItem& item : items) {
    probe_.delivery_lag.Observe(std::chrono::duration<double>(now - item.arrived).count());
  }
}

bool Feed::Reader::Take(std::span<const FeedItem> items, bool reaches_tail) {
  while (!items.empty() && items.front().event.next.position <= position_) items = items.subspan(1);
  if (items.empty()) return true;
  if (follow_ == nullptr || !reaches_tail || items.front().event.start.position != position_) {
    return false;
  }
  absl::InlinedVector<const http::SharedPayload*, 16> frames;
  for (const FeedItem& item : items.first(items.size() - 1)) {
    frames.push_back(item.frame_behind.get());
  }
  frames.push_back(items.back().frame.get());
  exchange_.SendShared(frames);
  *follow_ = items.back().event.next;
  position_ = follow_->position;
  return !exchange_.sending() && !exchange_.gone();
}

void Feed::Reader::Finish(Wake reason) {
  Hook::unlink();
  exchange_.io().timers().Cancel(*this);
  if (!exchange_.gone()) exchange_.NotifyGone(nullptr);
  result_ = reason;
  coroutine_.resume();
}

bool Feed::Reader::await_suspend(std::coroutine_handle<> coroutine) {
  if (exchange_.gone()) {
    result_ = Wake::kGone;
    return false;
  }
  {
    const std::lock_guard<std::mutex> lock(feed_->mutex_);
    size_t first;
    if (feed_->draining_ || feed_->Locate(stream_id_, position_, first) != View::Kind::kNothing) {
      result_ = feed_->draining_ ? Wake::kDraining : Wake::kProgress;
      return false;
    }
    Group& group = feed_->GroupOf(exchange_.io());
    if (!std::exchange(group.active, true)) group.position = feed_->tail_;
    group.readers.push_back(*this);
  }
  coroutine_ = coroutine;
  exchange_.NotifyGone(this);
  exchange_.io().timers().Start(*this, deadline_);
  return true;
}

}  // namespace ds

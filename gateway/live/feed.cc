#include "gateway/live/feed.h"

#include <algorithm>
#include <utility>

#include "gateway/live/feed_group.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

constexpr uint64_t kMaxRingBytes = 1u << 20;
constexpr size_t kMaxRingItems = 512;
// How long readers wait for a store that was lost. A storage that is started again is back by then;
// later a client does better to ask anew, perhaps another gateway.
constexpr auto kPatience = std::chrono::seconds(10);

// Whether the store has said that there is no such stream; everything else may pass.
bool SaysGone(const absl::Status& status) {
  const ErrorCode code = GetErrorCode(status);
  return code == ErrorCode::kStreamNotFound || code == ErrorCode::kStreamGone;
}

}  // namespace

// What the store calls. It knows for which subscription, so that a late word of one that was lost
// is not taken for the next one's.
class Feed::Link final : public TailObserver {
 public:
  Link(std::shared_ptr<Feed> feed, uint64_t number) : feed_(std::move(feed)), number_(number) {}
  void OnTail(const TailEvent& event) override { feed_->OnTail(event, number_); }

 private:
  const std::shared_ptr<Feed> feed_;
  const uint64_t number_;
};

Feed::Feed(StreamPath path, StreamStore& store, const CursorOptions& cursors, Clock& clock,
           LiveProbe& probe)
    : path_(std::move(path)), store_(store), cursors_(cursors), clock_(clock), probe_(probe) {}

Feed::~Feed() = default;

void Feed::Subscribe() {
  std::unique_ptr<Subscription> former;
  uint64_t number;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (subscribing_ || state_ == State::kEnded) return;
    subscribing_ = true;
    number = ++subscription_number_;
    former = std::move(subscription_);
  }
  former.reset();
  std::unique_ptr<Subscription> subscription = store_.Tail(
      path_, std::make_shared<Link>(shared_from_this(), number),
      [feed = shared_from_this(), number](const HeadResult& head) { feed->OnReady(head, number); });
  const std::lock_guard<std::mutex> lock(mutex_);
  // It may have been stopped or lost meanwhile, and begun anew.
  if (number == subscription_number_) subscription_.swap(subscription);
}

void Feed::Stop() {
  std::unique_ptr<Subscription> subscription;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    state_ = State::kEnded;
    ++subscription_number_;
    subscription = std::move(subscription_);
  }
  Tell(/*resume=*/true);
}

void Feed::Heal(http::SteadyTime now) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (state_ != State::kLost) return;
    if (now - lost_at_ > kPatience) state_ = State::kEnded;
  }
  if (ended()) return Tell(/*resume=*/true);
  Subscribe();
}

void Feed::Drain() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    draining_ = true;
  }
  Tell(/*resume=*/true);
}

void Feed::OnReady(const HeadResult& head, uint64_t subscription_number) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (subscription_number != subscription_number_ || state_ == State::kEnded) return;
    subscribing_ = false;
    if (head.status.ok()) {
      TakeHeadLocked(head);
    } else if (SaysGone(head.status)) {
      state_ = State::kEnded;
    } else {
      // Whoever waits goes on waiting.
      return LoseLocked();
    }
  }
  Tell(/*resume=*/true);
}

void Feed::TakeHeadLocked(const HeadResult& head) {
  const StreamInfo& info = head.info;
  // A stream that was cut, as by a restore, or that goes on in another incarnation, may have other
  // bytes where the ring has some. Its readers ask anew, with offsets that tell.
  const bool went_on = state_ != State::kLost || (info.tail.incarnation == lost_tail_.incarnation &&
                                                  info.tail.position >= lost_tail_.position);
  if (known_ && (info.stream_id != stream_id_ || !went_on)) {
    state_ = State::kEnded;
    return;
  }
  if (known_) probe_.feeds_healed.Increment();
  known_ = true;
  state_ = State::kFollowing;
  content_type_ = info.content_type;
  stream_id_ = info.stream_id;
  closed_ |= info.closed;
  if (info.tail.position < tail_.position) return;
  // Commits that the subscription did not bring.
  if (info.tail.position > tail_.position) DropLocked(ring_.size());
  tail_ = info.tail;
}

void Feed::LoseLocked() {
  if (std::exchange(state_, State::kLost) == State::kLost) return;
  lost_at_ = std::chrono::steady_clock::now();
  lost_tail_ = tail_;
  probe_.feeds_lost.Increment();
}

void Feed::OnTail(const TailEvent& event, uint64_t subscription_number) {
  bool resume = true;
  bool lost = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (subscription_number != subscription_number_ || state_ == State::kEnded) return;
    const bool other = known_ && event.stream_id != stream_id_;
    if (event.kind == TailEvent::Kind::kLost) {
      lost = true;
      subscribing_ = false;
      LoseLocked();
    } else if (event.kind == TailEvent::Kind::kGone || other) {
      state_ = State::kEnded;
    } else {
      closed_ |= event.closed;
      resume = closed_;
      if (event.kind == TailEvent::Kind::kData) AppendLocked(event);
    }
  }
  if (lost) return Subscribe();
  Tell(resume);
}

void Feed::AppendLocked(const TailEvent& event) {
  if (event.next.position <= tail_.position) return;
  if (event.start.position != tail_.position) DropLocked(ring_.size());
  tail_ = event.next;
  ring_bytes_ += event.data().size();
  ring_.push_back({event, std::chrono::steady_clock::now()});
  if (ring_.size() < 2 || (ring_bytes_ <= kMaxRingBytes && ring_.size() <= kMaxRingItems)) return;
  // A quarter at a time, so that moving the rest up costs little.
  size_t drop = 0;
  uint64_t bytes = ring_bytes_;
  while (drop + 1 < ring_.size() &&
         (bytes > kMaxRingBytes / 4 * 3 || ring_.size() - drop > kMaxRingItems / 4 * 3)) {
    bytes -= ring_[drop++].event.data().size();
  }
  DropLocked(drop);
}

void Feed::DropLocked(size_t count) {
  for (size_t i = 0; i < count; ++i) ring_bytes_ -= ring_[i].event.data().size();
  ring_.erase(ring_.begin(), ring_.begin() + static_cast<ptrdiff_t>(count));
}

void Feed::Forget(http::SteadyTime time) {
  const std::lock_guard<std::mutex> lock(mutex_);
  size_t drop = 0;
  while (drop < ring_.size() && ring_[drop].arrived < time) ++drop;
  if (drop == 0) return;
  DropLocked(drop);
  ring_.shrink_to_fit();
}

Feed::View::Kind Feed::Locate(uint64_t stream_id, uint64_t position, size_t& first) const {
  if (state_ == State::kEnded) return View::Kind::kEnded;
  if (!known_) return View::Kind::kNothing;
  if (stream_id != stream_id_) return View::Kind::kEnded;
  const bool lost = state_ == State::kLost;
  if (position >= tail_.position) return closed_ && !lost ? View::Kind::kEnd : View::Kind::kNothing;
  // Readers are mostly at the ring's end.
  for (size_t i = ring_.size(); i-- > 0;) {
    if (ring_[i].event.start.position > position) continue;
    if (ring_[i].event.start.position < position) break;
    first = i;
    return View::Kind::kItems;
  }
  // Reading would fail now.
  return lost ? View::Kind::kNothing : View::Kind::kBehind;
}

Feed::View Feed::After(uint64_t stream_id, uint64_t position, uint64_t max_bytes,
                       std::optional<SseForm> form) {
  const std::lock_guard<std::mutex> lock(mutex_);
  View view;
  size_t first = 0;
  view.kind = Locate(stream_id, position, first);
  if (view.kind == View::Kind::kBehind) probe_.slow_reader_moves.Increment();
  if (view.kind != View::Kind::kItems) return view;
  size_t end = first;
  uint64_t bytes = 0;
  while (end < ring_.size() && (end == first || bytes < max_bytes)) {
    if (form && !Carries(*form, FindFit(ring_[end]))) break;
    bytes += ring_[end++].event.data().size();
  }
  if (end == first) {
    view.kind = View::Kind::kUnfit;
    return view;
  }
  view.reaches_tail = end == ring_.size();
  for (size_t i = first; i < end; ++i) {
    if (form) Encode(ring_[i], *form, /*more=*/i + 1 < end || !view.reaches_tail);
    view.items.push_back(ring_[i]);
  }
  return view;
}

SseFit Feed::FindFit(FeedItem& item) {
  if (!item.known_fit) {
    item.known_fit = FitOf(content_type_, item.event.data());
    worst_fit_ = std::max(worst_fit_, *item.known_fit);
  }
  return *item.known_fit;
}

void Feed::Encode(FeedItem& item, SseForm form, bool more) {
  const bool base64 = form == SseForm::kBase64;
  if (!base64) FindFit(item);
  FeedItem::Frames& frames = base64 ? item.base64 : item.lines;
  std::shared_ptr<const http::SharedPayload>& frame = more ? frames.behind : frames.last;
  if (frame != nullptr) return;
  const TailEvent& event = item.event;
  SseControl control{.next = event.next, .up_to_date = !more, .closed = !more && event.closed};
  if (!event.closed) control.cursor = cursor();
  std::string text;
  AppendSseData(form, content_type_, event.data(), event.message_sizes(), event.next, text);
  AppendSseControl(control, /*with_id=*/false, text);
  frame = std::make_shared<const http::SharedPayload>(text);
}

uint64_t Feed::cursor() const { return ResponseCursor(cursors_, clock_.Wall(), std::nullopt); }

bool Feed::ended() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return state_ == State::kEnded;
}

bool Feed::lost() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return state_ == State::kLost;
}

void Feed::NoteFit(SseFit fit) {
  const std::lock_guard<std::mutex> lock(mutex_);
  worst_fit_ = std::max(worst_fit_, fit);
}

SseFit Feed::worst_fit() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return worst_fit_;
}

bool Feed::TakeRenewal(http::SteadyTime now, std::chrono::milliseconds interval) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (now - renewed_ < interval) return false;
  renewed_ = now;
  return true;
}

}  // namespace ds

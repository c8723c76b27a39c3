#include "gateway/live/feed_reader.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "gateway/live/feed_group.h"

// What a feed does for those who wait at its end.

namespace ds {

Feed::Reader Feed::Wait(http::Exchange& exchange, uint64_t stream_id, uint64_t position,
                        const Keepalive* keepalive, http::SteadyTime deadline) {
  return Reader(shared_from_this(), exchange, {.stream_id = stream_id, .position = position},
                keepalive, deadline);
}

Feed::Reader Feed::Follow(http::Exchange& exchange, uint64_t stream_id, Offset& next, SseForm form,
                          const Keepalive* keepalive, http::SteadyTime deadline) {
  return Reader(shared_from_this(), exchange, {stream_id, next.position, &next, form}, keepalive,
                deadline);
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
      size_t first = ring_.size();
      while (first > 0 && ring_[first - 1].event.start.position >= group.position) --first;
      for (size_t i = first; i < ring_.size(); ++i) {
        const bool more = i + 1 < ring_.size();
        if (wants_lines_) Encode(ring_[i], SseForm::kExact, more);
        if (wants_base64_) Encode(ring_[i], SseForm::kBase64, more);
        items.push_back(ring_[i]);
      }
      reaches_tail = !items.empty();
    }
    group.position = tail_.position;
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
  while (!items.empty() && items.front().event.next.position <= place_.position) {
    items = items.subspan(1);
  }
  if (items.empty()) return true;
  if (place_.follow == nullptr || !reaches_tail ||
      items.front().event.start.position != place_.position) {
    return false;
  }
  absl::InlinedVector<const http::SharedPayload*, 16> frames;
  for (const FeedItem& item : items) {
    if (!Carries(place_.form, item.fit())) return false;
    frames.push_back(item.frame(place_.form, /*more=*/&item != &items.back()));
  }
  exchange_.SendShared(frames);
  sent_at_ = exchange_.io().now();
  *place_.follow = items.back().event.next;
  place_.position = place_.follow->position;
  return !exchange_.sending() && !exchange_.gone();
}

void Feed::Reader::OnTime() {
  const http::SteadyTime now = std::chrono::steady_clock::now();
  if (keepalive_ == nullptr || now >= deadline_) return Finish(Wake::kTimeout);
  // What was sent since has kept the response alive; who else was sent it comes due with it.
  const bool idle = sent_at_ == timer_basis_;
  if (idle) {
    const http::SharedPayload* const comment = &keepalive_->comment();
    exchange_.SendShared({&comment, 1});
    if (exchange_.gone()) return Finish(Wake::kGone);
    if (exchange_.sending()) return Finish(Wake::kProgress);
    sent_at_ = now;
  }
  StartTimer(/*spread=*/!idle);
}

void Feed::Reader::StartTimer(bool spread) {
  http::SteadyTime at = deadline_;
  if (keepalive_ != nullptr) at = std::min(at, keepalive_->Due(sent_at_, spread));
  timer_basis_ = sent_at_;
  exchange_.io().timers().Start(*this, at);
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
    if (feed_->draining_ ||
        feed_->Locate(place_.stream_id, place_.position, first) != View::Kind::kNothing) {
      result_ = feed_->draining_ ? Wake::kDraining : Wake::kProgress;
      return false;
    }
    if (place_.follow != nullptr) {
      (place_.form == SseForm::kBase64 ? feed_->wants_base64_ : feed_->wants_lines_) = true;
    }
    Group& group = feed_->GroupOf(exchange_.io());
    if (!std::exchange(group.active, true)) group.position = feed_->tail_.position;
    group.readers.push_back(*this);
  }
  coroutine_ = coroutine;
  exchange_.NotifyGone(this);
  StartTimer(/*spread=*/true);
  return true;
}

}  // namespace ds

#include "gateway/live/keepalive.h"

#include <algorithm>
#include <random>

namespace ds {
namespace {

constexpr std::chrono::milliseconds kLongestTick{100};

}  // namespace

Keepalive::Keepalive(absl::Duration interval)
    : interval_(absl::ToChronoMilliseconds(interval)),
      tick_(std::clamp(interval_ / 8, std::chrono::milliseconds(1), kLongestTick)),
      comment_(":\n\n") {}

http::SteadyTime Keepalive::Due(http::SteadyTime sent, bool spread) const {
  thread_local std::minstd_rand random(std::random_device{}());
  http::SteadyTime::duration wait = interval_;
  if (spread) {
    const auto third = static_cast<uint64_t>(interval_.count()) / 3;
    wait -= std::chrono::milliseconds(random() % (third + 1));
  }
  const http::SteadyTime::duration due = sent.time_since_epoch() + wait;
  return http::SteadyTime(due - due % tick_);
}

}  // namespace ds

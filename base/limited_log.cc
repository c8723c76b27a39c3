#include "base/limited_log.h"

#include <algorithm>

namespace ds {

std::atomic<uint64_t> LogLimit::left_out_total_{0};

std::optional<uint64_t> LogLimit::Admit(Clock::time_point now) {
  constexpr int64_t kInterval = 1'000'000'000 / kPerSecond;
  const int64_t now_nanos =
      std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  int64_t due = due_nanos_.load(std::memory_order_relaxed);
  while (true) {
    // Time in which nothing was written is saved up for a burst, but no more than for that.
    const int64_t next = std::max(due, now_nanos - kBurst * kInterval) + kInterval;
    if (next > now_nanos) {
      left_out_.fetch_add(1, std::memory_order_relaxed);
      left_out_total_.fetch_add(1, std::memory_order_relaxed);
      return std::nullopt;
    }
    if (due_nanos_.compare_exchange_weak(due, next, std::memory_order_relaxed)) break;
  }
  return left_out_.exchange(0, std::memory_order_relaxed);
}

}  // namespace ds

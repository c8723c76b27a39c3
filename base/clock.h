#ifndef BASE_CLOCK_H_
#define BASE_CLOCK_H_

#include <atomic>
#include <chrono>

#include "absl/time/time.h"

namespace ds {

// A time of the monotonic clock, for whatever is waited for.
using SteadyTime = std::chrono::steady_clock::time_point;

// Wall-clock time as an argument, so that what depends on it can be tested without waiting.
// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;

  // The system's clock; lives forever.
  static Clock& System();
};

// A clock that stands still until told otherwise.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(absl::Time start) : nanos_(absl::ToUnixNanos(start)) {}
  absl::Time Now() const override { return absl::FromUnixNanos(nanos_.load()); }
  void Advance(absl::Duration by) { nanos_ += absl::ToInt64Nanoseconds(by); }

 private:
  std::atomic<int64_t> nanos_;
};

}  // namespace ds

#endif  // BASE_CLOCK_H_

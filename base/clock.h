#ifndef BASE_CLOCK_H_
#define BASE_CLOCK_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace ds {

// A time of the monotonic clock, for whatever is waited for.
using SteadyTime = std::chrono::steady_clock::time_point;

// Time as an argument, so that what depends on it can be tested without waiting. There are two
// times, because the system's clock can be set, by hand or by NTP, while a server runs: one for
// what lasts, one for what stands in calendars. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Running time: it passes evenly whatever becomes of the system's clock, also while the machine
  // sleeps. It is near the system's clock when the process starts. For TTLs, leases, caches: for
  // how long something lasts.
  virtual absl::Time Now() const = 0;
  // What the system's clock says. For times that others name or read: a token's `exp`, a timestamp.
  virtual absl::Time Wall() const = 0;

  // How long the machine has been running, sleep included, and what tells this boot from others:
  // with both a process knows how long ago an earlier process of the same boot was.
  virtual absl::Duration Uptime() const = 0;
  // Empty: not known.
  virtual std::string BootId() const = 0;

  // The machine's; lives forever.
  static Clock& System();
};

// A clock that stands still until told otherwise.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(absl::Time start) : start_(start) {}

  absl::Time Now() const override { return start_ + absl::Nanoseconds(passed_.load()); }
  absl::Time Wall() const override { return Now() + absl::Nanoseconds(stepped_.load()); }
  absl::Duration Uptime() const override {
    return absl::Nanoseconds(passed_.load() - booted_.load());
  }
  std::string BootId() const override { return "boot-" + std::to_string(boots_.load()); }

  void Advance(absl::Duration by) { passed_ += absl::ToInt64Nanoseconds(by); }
  // The system's clock is set.
  void Step(absl::Duration by) { stepped_ += absl::ToInt64Nanoseconds(by); }
  // The machine was off for a while.
  void Reboot(absl::Duration off) {
    Advance(off);
    booted_.store(passed_.load());
    ++boots_;
  }

 private:
  const absl::Time start_;
  // Nanoseconds.
  std::atomic<int64_t> passed_{0};
  std::atomic<int64_t> stepped_{0};
  std::atomic<int64_t> booted_{0};
  std::atomic<int> boots_{1};
};

}  // namespace ds

#endif  // BASE_CLOCK_H_

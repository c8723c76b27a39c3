#include "base/clock.h"

#include <ctime>
#include <fstream>

namespace ds {
namespace {

timespec Read(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return time;
}

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override { return booted_ + Uptime(); }
  // absl::Now goes on by the processor's counter for some seconds after a step.
  absl::Time Wall() const override { return absl::TimeFromTimespec(Read(CLOCK_REALTIME)); }
  absl::Duration Uptime() const override {
    return absl::DurationFromTimespec(Read(CLOCK_BOOTTIME));
  }
  std::string BootId() const override {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    std::getline(file, id);
    return id;
  }

 private:
  // When the machine booted, by what the system's clock says now.
  const absl::Time booted_ = Wall() - Uptime();
};

}  // namespace

Clock& Clock::System() {
  static auto* const clock = new SystemClock;
  return *clock;
}

}  // namespace ds

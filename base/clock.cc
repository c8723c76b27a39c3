#include "base/clock.h"

#include "absl/time/clock.h"

namespace ds {
namespace {

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
};

}  // namespace

Clock& Clock::System() {
  static auto* const clock = new SystemClock;
  return *clock;
}

}  // namespace ds

#include "base/turn_watch.h"

#include <algorithm>
#include <ctime>

#include "spdlog/spdlog.h"

namespace ds {
namespace {

constexpr auto kBetweenLines = std::chrono::seconds(1);

std::chrono::nanoseconds ThreadCpuTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

int64_t Milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

}  // namespace

void TurnWatch::TakeCpuTime(SteadyTime now) {
  cpu_at_ = now;
  cpu_ = ThreadCpuTime();
}

void TurnWatch::NoteStall(SteadyTime begin, SteadyTime now) {
  const auto took = now - begin;
  ++stalls_;
  stalled_ +=
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  if (now - logged_at_ < kBetweenLines) {
    ++unlogged_;
    return;
  }
  const std::chrono::nanoseconds cpu =
      std::min<std::chrono::nanoseconds>(ThreadCpuTime() - cpu_, took);
  spdlog::warn("an event loop stood still: loop={} ms={} cpu_ms={} unlogged={}", loop_,
               Milliseconds(took), Milliseconds(cpu), unlogged_);
  logged_at_ = now;
  unlogged_ = 0;
}

}  // namespace ds

#ifndef BASE_TURN_WATCH_H_
#define BASE_TURN_WATCH_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "base/clock.h"

namespace ds {

// Notices turns of a loop that take so long that everybody who waits for the loop feels it, counts
// them, and says so in the log, once a second at most. Begin and End are for the loop's thread, the
// counts for any.
//
//   while (running) {
//     ... sleeps until there is something to do ...
//     watch.Begin(now);
//     ... does it ...
//     watch.End(std::chrono::steady_clock::now());
//   }
class TurnWatch {
 public:
  static constexpr std::chrono::milliseconds kStall{100};

  // `loop` names it in the log: "http-0".
  explicit TurnWatch(std::string loop) : loop_(std::move(loop)) {}

  // Work begins; of several calls in one turn the first counts.
  void Begin(SteadyTime now) {
    if (begin_ == SteadyTime()) begin_ = now;
  }
  // The turn is over. Without a Begin nothing is known of it.
  void End(SteadyTime now) {
    const SteadyTime begin = begin_;
    begin_ = SteadyTime();
    if (begin == SteadyTime()) return;
    if (now - begin >= kStall) NoteStall(begin, now);
    if (now - cpu_at_ >= kStall) TakeCpuTime(now);
  }

  // Turns of kStall and more, and how long they were together.
  uint64_t stalls() const { return stalls_.load(std::memory_order_relaxed); }
  std::chrono::microseconds stalled() const {
    return std::chrono::microseconds(stalled_.load(std::memory_order_relaxed));
  }

 private:
  void NoteStall(SteadyTime begin, SteadyTime now);
  void TakeCpuTime(SteadyTime now);

  const std::string loop_;
  SteadyTime begin_;
  // The thread's CPU time at a time not long before the turn: tells work from waiting for the CPU.
  SteadyTime cpu_at_;
  std::chrono::nanoseconds cpu_{0};
  SteadyTime logged_at_;
  uint64_t unlogged_ = 0;
  std::atomic<uint64_t> stalls_{0};
  std::atomic<uint64_t> stalled_{0};  // us
};

}  // namespace ds

#endif  // BASE_TURN_WATCH_H_

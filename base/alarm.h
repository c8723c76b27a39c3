#ifndef BASE_ALARM_H_
#define BASE_ALARM_H_

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/unique_function.h"

namespace ds {

// Calls a function when the earliest of the times that were asked for has come, on a thread of its
// own. Made for deadlines of many calls: most of these end before, and a new one is mostly due
// after those that are waited for, so asking costs one comparison and nothing is ever taken back.
// The function looks for itself what is due. Thread-safe.
class Alarm {
 public:
  // `on_due` returns the next time at which it is to be called, or SteadyTime::max(). It must not
  // call Stop or destroy the object.
  explicit Alarm(UniqueFunction<SteadyTime()> on_due);
  // Calls `on_due` no more.
  ~Alarm();

  // Has the function called at `time`, some milliseconds late at most, or before.
  void At(SteadyTime time) {
    if (time.time_since_epoch().count() < at_.load(std::memory_order_relaxed)) SetEarlier(time);
  }

  // Waits for a call that is under way; there is none afterwards. Idempotent.
  void Stop();

 private:
  void SetEarlier(SteadyTime time);
  void Run();

  UniqueFunction<SteadyTime()> on_due_;
  // When the function is called next. Written with the mutex held.
  std::atomic<SteadyTime::rep> at_{SteadyTime::max().time_since_epoch().count()};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace ds

#endif  // BASE_ALARM_H_

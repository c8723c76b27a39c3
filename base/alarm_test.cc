#include "base/alarm.h"

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <thread>

#include "gtest/gtest.h"

namespace ds {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Waits until `condition` holds, for 10 s at most.
template <typename Condition>
bool Until(Condition condition) {
  const SteadyTime end = steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

TEST(AlarmTest, CallsAtTheEarliestTimeAndNotBefore) {
  std::atomic<int> calls{0};
  std::atomic<SteadyTime::rep> called{0};
  Alarm alarm([&] {
    called = steady_clock::now().time_since_epoch().count();
    ++calls;
    return SteadyTime::max();
  });
  const SteadyTime begun = steady_clock::now();
  alarm.At(begun + std::chrono::hours(1));
  alarm.At(begun + milliseconds(30));
  alarm.At(begun + milliseconds(60));
  ASSERT_TRUE(Until([&] { return calls > 0; }));
  EXPECT_GE(called, (begun + milliseconds(30)).time_since_epoch().count());
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(calls, 1) << "the function says what else it waits for";
}

TEST(AlarmTest, CallsAgainAtTheTimeThatTheCallAskedFor) {
  std::atomic<int> calls{0};
  Alarm alarm(
      [&] { return ++calls < 5 ? steady_clock::now() + milliseconds(1) : SteadyTime::max(); });
  alarm.At(steady_clock::now());
  EXPECT_TRUE(Until([&] { return calls == 5; }));
}

// A time that is asked for while the function runs must not be forgotten.
TEST(AlarmTest, ForgetsNoTimeThatIsAskedForMeanwhile) {
  std::mutex mutex;
  std::deque<SteadyTime> waiting;
  std::atomic<int> served{0};
  Alarm alarm([&] {
    const std::lock_guard<std::mutex> lock(mutex);
    while (!waiting.empty() && waiting.front() <= steady_clock::now()) {
      waiting.pop_front();
      ++served;
    }
    return waiting.empty() ? SteadyTime::max() : waiting.front();
  });
  constexpr int kTimes = 3000;
  for (int i = 0; i < kTimes; ++i) {
    SteadyTime time;
    {
      const std::lock_guard<std::mutex> lock(mutex);
      time = steady_clock::now() + milliseconds(3);
      waiting.push_back(time);
    }
    alarm.At(time);
    if (i % 50 == 0) std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_TRUE(Until([&] { return served == kTimes; })) << served;
}

TEST(AlarmTest, StopsWhileItWaits) {
  Alarm alarm([] { return SteadyTime::max(); });
  alarm.At(steady_clock::now() + std::chrono::hours(1));
  alarm.Stop();
  alarm.At(steady_clock::now());
}

}  // namespace
}  // namespace ds

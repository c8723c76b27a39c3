#include "base/turn_watch.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ds {
namespace {

using std::chrono::milliseconds;

TEST(TurnWatchTest, TurnsOfATenthOfASecondAreStalls) {
  TurnWatch watch("loop");
  const SteadyTime start = std::chrono::steady_clock::now();
  watch.Begin(start);
  watch.End(start + milliseconds(99));
  EXPECT_EQ(watch.stalls(), 0u);
  watch.Begin(start);
  watch.End(start + milliseconds(250));
  EXPECT_EQ(watch.stalls(), 1u);
  EXPECT_EQ(watch.stalled(), milliseconds(250));
}

TEST(TurnWatchTest, ATurnCountsFromItsFirstWork) {
  TurnWatch watch("loop");
  const SteadyTime start = std::chrono::steady_clock::now();
  watch.Begin(start);
  watch.Begin(start + milliseconds(150));
  watch.End(start + milliseconds(160));
  EXPECT_EQ(watch.stalls(), 1u);
}

TEST(TurnWatchTest, SleepBetweenTurnsIsNoStall) {
  TurnWatch watch("loop");
  const SteadyTime start = std::chrono::steady_clock::now();
  watch.Begin(start);
  watch.End(start + milliseconds(1));
  watch.End(start + milliseconds(5'000));
  watch.Begin(start + milliseconds(10'000));
  watch.End(start + milliseconds(10'001));
  EXPECT_EQ(watch.stalls(), 0u);
}

TEST(TurnWatchTest, AllAreCountedThoughFewAreLogged) {
  TurnWatch watch("loop");
  SteadyTime now = std::chrono::steady_clock::now();
  for (int i = 0; i < 10; ++i) {
    watch.Begin(now);
    now += milliseconds(120);
    watch.End(now);
  }
  EXPECT_EQ(watch.stalls(), 10u);
  EXPECT_EQ(watch.stalled(), milliseconds(1'200));
}

}  // namespace
}  // namespace ds

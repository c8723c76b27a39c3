#include "gateway/live/keepalive.h"

#include <set>

#include "gtest/gtest.h"

namespace ds {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr http::SteadyTime kSent{std::chrono::hours(1) + milliseconds(17)};

TEST(Keepalive, IsDueAnIntervalLater) {
  const Keepalive keepalive(absl::Seconds(15));
  const http::SteadyTime due = keepalive.Due(kSent, /*spread=*/false);
  EXPECT_LE(due, kSent + seconds(15));
  EXPECT_GT(due, kSent + seconds(15) - milliseconds(100));
}

TEST(Keepalive, SpreadsThoseWhoWereSentTheSame) {
  const Keepalive keepalive(absl::Seconds(15));
  std::set<http::SteadyTime> times;
  for (int i = 0; i < 10'000; ++i) {
    const http::SteadyTime due = keepalive.Due(kSent, /*spread=*/true);
    EXPECT_GT(due, kSent + seconds(10) - milliseconds(100));
    EXPECT_LE(due, kSent + seconds(15));
    times.insert(due);
  }
  // Ticks of 100 ms over five seconds: neither one burst nor ten thousand wake-ups.
  EXPECT_GT(times.size(), 40u);
  EXPECT_LT(times.size(), 60u);
}

TEST(Keepalive, ShortIntervalsHaveShorterTicks) {
  const Keepalive keepalive(absl::Milliseconds(40));
  const http::SteadyTime due = keepalive.Due(kSent, /*spread=*/false);
  EXPECT_LE(due, kSent + milliseconds(40));
  EXPECT_GT(due, kSent + milliseconds(30));
}

TEST(Keepalive, ZeroIsOff) {
  EXPECT_FALSE(Keepalive(absl::ZeroDuration()).enabled());
  EXPECT_TRUE(Keepalive(absl::Milliseconds(1)).enabled());
}

}  // namespace
}  // namespace ds

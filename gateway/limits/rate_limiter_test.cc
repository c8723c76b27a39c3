#include "gateway/limits/rate_limiter.h"

#include "gtest/gtest.h"

namespace ds {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class RateLimiterTest : public ::testing::Test {
 protected:
  RateLimiter::Time now_ = std::chrono::steady_clock::now();
};

TEST_F(RateLimiterTest, LetsABurstThroughThenTheRate) {
  RateLimiter limiter({.requests_per_second = 10, .request_burst = 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limiter.Take("a", 0, now_).allowed);
  const RateLimiter::Decision refused = limiter.Take("a", 0, now_);
  EXPECT_FALSE(refused.allowed);
  EXPECT_FALSE(refused.by_bytes);
  EXPECT_EQ(refused.retry_after, absl::Milliseconds(100));
  EXPECT_TRUE(limiter.Take("a", 0, now_ + milliseconds(100)).allowed);
  EXPECT_FALSE(limiter.Take("a", 0, now_ + milliseconds(150)).allowed);
}

TEST_F(RateLimiterTest, SaysWhatIsLeftAndWhenAllIs) {
  RateLimiter limiter({.requests_per_second = 2, .request_burst = 4});
  const RateLimiter::Decision first = limiter.Take("a", 0, now_);
  EXPECT_EQ(first.remaining, 3u);
  EXPECT_EQ(first.reset, absl::Milliseconds(500));
}

TEST_F(RateLimiterTest, ClientsDoNotShare) {
  RateLimiter limiter({.requests_per_second = 1, .request_burst = 1});
  EXPECT_TRUE(limiter.Take("a", 0, now_).allowed);
  EXPECT_TRUE(limiter.Take("b", 0, now_).allowed);
  EXPECT_FALSE(limiter.Take("a", 0, now_).allowed);
}

TEST_F(RateLimiterTest, BytesBeyondTheBucketAreOwed) {
  RateLimiter limiter({.bytes_per_second = 100});
  EXPECT_TRUE(limiter.Take("a", 300, now_).allowed);
  EXPECT_FALSE(limiter.Take("a", 0, now_ + seconds(1)).allowed);
  EXPECT_TRUE(limiter.Take("a", 0, now_ + seconds(2) + milliseconds(20)).allowed);
}

TEST_F(RateLimiterTest, BytesThatWereSentCount) {
  RateLimiter limiter({.bytes_per_second = 100});
  limiter.Charge("a", 100, now_);
  const RateLimiter::Decision refused = limiter.Take("a", 0, now_);
  EXPECT_FALSE(refused.allowed);
  EXPECT_TRUE(refused.by_bytes);
}

TEST_F(RateLimiterTest, CountsReaders) {
  RateLimiter limiter({.live_readers = 2});
  EXPECT_TRUE(limiter.AddReader("a"));
  EXPECT_TRUE(limiter.AddReader("a"));
  EXPECT_FALSE(limiter.AddReader("a"));
  EXPECT_TRUE(limiter.AddReader("b"));
  limiter.RemoveReader("a");
  EXPECT_TRUE(limiter.AddReader("a"));
}

TEST_F(RateLimiterTest, ForgetsClientsThatAreIdle) {
  RateLimiter limiter({.requests_per_second = 1'000});
  for (int i = 0; i < 200'000; ++i) {
    limiter.Take(std::to_string(i), 0, now_ + milliseconds(i));
  }
  EXPECT_LT(limiter.clients(), 20'000u);
}

}  // namespace
}  // namespace ds

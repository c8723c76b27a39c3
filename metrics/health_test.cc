#include "metrics/health.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ds {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(HealthTest, PassesWithoutChecks) {
  Metrics metrics;
  const Health health(metrics);
  EXPECT_TRUE(health.Live(false, {}).passes);
  EXPECT_EQ(health.Ready(false, {}).text, "ok\n");
}

TEST(HealthTest, NamesWhatFailsAndWhy) {
  Metrics metrics;
  Health health(metrics);
  health.AddReadiness("storage", [] { return "not reachable"; });
  health.AddReadiness("disk", [] { return ""; });
  const Health::Report brief = health.Ready(false, {});
  EXPECT_FALSE(brief.passes);
  EXPECT_EQ(brief.text, "storage: not reachable\n");
  const Health::Report verbose = health.Ready(true, {});
  EXPECT_THAT(verbose.text, HasSubstr("[!] storage failed: not reachable\n[+] disk ok\n"));
}

TEST(HealthTest, LeavesExcludedChecksOut) {
  Metrics metrics;
  Health health(metrics);
  bool asked = false;
  health.AddReadiness("storage", [&] {
    asked = true;
    return "not reachable";
  });
  EXPECT_TRUE(health.Ready(true, {"storage", "no such check"}).passes);
  EXPECT_FALSE(asked);
}

TEST(HealthTest, ReadinessDoesNotTouchLiveness) {
  Metrics metrics;
  Health health(metrics);
  health.AddReadiness("storage", [] { return "not reachable"; });
  EXPECT_TRUE(health.Live(false, {}).passes);
}

TEST(HealthTest, EveryCheckIsAMetric) {
  Metrics metrics;
  Health health(metrics);
  health.AddLiveness("threads", [] { return ""; });
  health.AddReadiness("storage", [] { return "not reachable"; });
  const std::string text = metrics.Expose();
  EXPECT_THAT(text, HasSubstr(R"(health_check{check="threads",kind="live"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(health_check{check="storage",kind="ready"} 0)"));
}

TEST(MetricsTest, ASamplerEndsWithItsHandle) {
  Metrics metrics;
  {
    const Metrics::Sampling sampling =
        metrics.Sample([](Samples& samples) { samples.Gauge("queue_length", "Length.", 3); });
    EXPECT_THAT(metrics.Expose(), HasSubstr("queue_length 3"));
  }
  EXPECT_THAT(metrics.Expose(), Not(HasSubstr("queue_length")));
}

}  // namespace
}  // namespace ds

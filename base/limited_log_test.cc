#include "base/limited_log.h"

#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "spdlog/sinks/ostream_sink.h"

namespace ds {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

TEST(LogLimitTest, ABurstThenSoManyASecond) {
  LogLimit limit;
  const LogLimit::Clock::time_point start{std::chrono::hours(1)};
  const uint64_t before = LogLimit::left_out_total();
  int64_t written = 0;
  for (int i = 0; i < 1000; ++i) written += limit.Admit(start).has_value();
  EXPECT_EQ(written, LogLimit::kBurst);
  EXPECT_EQ(LogLimit::left_out_total() - before, 950u);
  // Ten seconds at a thousand lines each.
  for (int i = 1; i <= 10'000; ++i) written += limit.Admit(start + milliseconds(i)).has_value();
  EXPECT_EQ(written, LogLimit::kBurst + 10 * LogLimit::kPerSecond);
  // After a rest as much as at first, and no more.
  for (int i = 0; i < 1000; ++i) written += limit.Admit(start + seconds(3600)).has_value();
  EXPECT_EQ(written, 2 * LogLimit::kBurst + 10 * LogLimit::kPerSecond);
}

TEST(LogLimitTest, TheNextLineSaysHowManyWereLeftOut) {
  LogLimit limit;
  const LogLimit::Clock::time_point start{std::chrono::hours(1)};
  for (int i = 0; i < 60; ++i) (void)limit.Admit(start);
  EXPECT_EQ(limit.Admit(start + seconds(1)), 10u);
  EXPECT_EQ(limit.Admit(start + seconds(1)), 0u);
}

TEST(LogLimitTest, LinesAreWrittenWithTheirCount) {
  std::ostringstream out;
  const auto before = spdlog::default_logger();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out)));
  LogLimit limit;
  for (int i = 0; i < 60; ++i) (void)limit.Admit(LogLimit::Clock::now() - seconds(2));
  LogLimited(limit, spdlog::level::warn, "number {}", 7);
  LogLimited(limit, spdlog::level::debug, "not at this level {}", 8);
  LogLimited(limit, spdlog::level::warn, "number {}", 9);
  spdlog::set_default_logger(before);
  EXPECT_THAT(out.str(), HasSubstr("number 7 (10 lines like this were left out before)"));
  EXPECT_THAT(out.str(), HasSubstr("number 9\n"));
  EXPECT_THAT(out.str(), ::testing::Not(HasSubstr("level 8")));
}

}  // namespace
}  // namespace ds

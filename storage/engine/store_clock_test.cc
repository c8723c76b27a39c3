#include "storage/engine/store_clock.h"

#include "base/clock.h"
#include "gtest/gtest.h"
#include "metrics/metrics.h"

namespace ds {
namespace {

class StoreClockTest : public testing::Test {
 protected:
  void Stop() {
    mark_ = clock_->Mark();
    clock_.reset();
  }
  // A start that goes on from the last one.
  StoreClock& Start() {
    if (clock_.has_value()) Stop();
    clock_.emplace(base_, probe_);
    EXPECT_TRUE(clock_->Load(mark_).ok());
    return *clock_;
  }
  // Time passes, and the clock is looked at all the while.
  void Pass(absl::Duration time) {
    const absl::Duration step = std::min(time, absl::Minutes(1));
    for (absl::Duration passed; passed < time; passed += step) {
      base_.Advance(step);
      clock_->Check();
    }
  }
  double Steps() const { return probe_.clock_steps.Value(); }

  const absl::Time begin_ = absl::FromUnixSeconds(1'700'000'000);
  FakeClock base_{begin_};
  Metrics metrics_;
  EngineProbe probe_{metrics_};
  std::string mark_;
  std::optional<StoreClock> clock_;
};

TEST_F(StoreClockTest, BeginsWithTheSystemsClock) {
  base_.Step(absl::Hours(5));
  StoreClock& clock = Start();
  EXPECT_EQ(clock.Now(), begin_ + absl::Hours(5));
  EXPECT_EQ(clock.AcceptedWall(), clock.Now());
  Pass(absl::Hours(2));
  EXPECT_EQ(clock.Now(), begin_ + absl::Hours(7));
}

TEST_F(StoreClockTest, RunningTimeHeedsNoStep) {
  StoreClock& clock = Start();
  for (const absl::Duration step :
       {absl::Hours(24 * 365), absl::Hours(-24 * 365), -absl::Seconds(3), absl::Hours(-9)}) {
    const absl::Time before = clock.Now();
    base_.Step(step);
    clock.Check();
    EXPECT_EQ(clock.Now(), before);
    Pass(absl::Hours(3));
    EXPECT_EQ(clock.Now(), before + absl::Hours(3));
  }
}

TEST_F(StoreClockTest, ASmallStepIsAcceptedAtOnce) {
  StoreClock& clock = Start();
  for (const absl::Duration step : {absl::Seconds(40), absl::Seconds(-55)}) {
    base_.Step(step);
    Pass(absl::Seconds(1));
    EXPECT_EQ(clock.AcceptedWall(), clock.Wall());
  }
  EXPECT_EQ(Steps(), 2);
  base_.Step(absl::Milliseconds(20));
  Pass(absl::Seconds(1));
  EXPECT_EQ(Steps(), 2) << "what is corrected all the time is no step";
}

TEST_F(StoreClockTest, ALargeStepIsAcceptedWhenItHasLasted) {
  for (const absl::Duration step : {absl::Hours(24 * 365), absl::Hours(-24 * 365)}) {
    const double before = Steps();
    StoreClock& clock = Start();
    base_.Step(step);
    Pass(StoreClock::kGrace - absl::Minutes(2));
    EXPECT_EQ(clock.AcceptedWall(), clock.Wall() - step);
    EXPECT_EQ(clock.unaccepted(), step);
    Pass(absl::Minutes(4));
    EXPECT_EQ(clock.AcceptedWall(), clock.Wall());
    EXPECT_EQ(Steps(), before + 1);
  }
}

TEST_F(StoreClockTest, AStepThatIsTakenBackLeavesNothing) {
  StoreClock& clock = Start();
  const absl::Time accepted = clock.AcceptedWall();
  base_.Step(absl::Hours(24 * 365));
  Pass(absl::Minutes(50));
  base_.Step(-absl::Hours(24 * 365));
  Pass(absl::Hours(2));
  EXPECT_EQ(clock.AcceptedWall(), accepted + absl::Minutes(50) + absl::Hours(2));
}

TEST_F(StoreClockTest, AnotherStepBeginsTheGraceAnew) {
  StoreClock& clock = Start();
  base_.Step(absl::Hours(10));
  Pass(absl::Minutes(50));
  base_.Step(absl::Hours(10));
  Pass(absl::Minutes(50));
  EXPECT_EQ(clock.unaccepted(), absl::Hours(20));
  Pass(absl::Minutes(20));
  EXPECT_EQ(clock.unaccepted(), absl::ZeroDuration());
}

TEST_F(StoreClockTest, ARestartGoesOnWhateverTheSystemsClockSays) {
  Start();
  for (const absl::Duration step :
       {absl::ZeroDuration(), absl::Hours(24 * 365), absl::Hours(-24 * 400)}) {
    const absl::Time now = clock_->Now();
    const absl::Time accepted = clock_->AcceptedWall();
    base_.Advance(absl::Hours(30));
    base_.Step(step);
    StoreClock& clock = Start();
    EXPECT_EQ(clock.Now(), now + absl::Hours(30)) << step;
    EXPECT_EQ(clock.AcceptedWall(), accepted + absl::Hours(30)) << step;
    Pass(absl::Hours(2));
    EXPECT_EQ(clock.AcceptedWall(), clock.Wall());
  }
}

TEST_F(StoreClockTest, AfterARebootTheSystemsClockIsBelievedForAWhile) {
  Start();
  absl::Time now = clock_->Now();
  Stop();
  base_.Reboot(absl::Minutes(20));
  EXPECT_EQ(Start().Now(), now + absl::Minutes(20));
  EXPECT_EQ(clock_->unaccepted(), absl::ZeroDuration());

  now = clock_->Now();
  Stop();
  base_.Reboot(absl::Minutes(5));
  base_.Step(absl::Hours(24 * 365));
  EXPECT_EQ(Start().Now(), now + StoreClock::kMaxDowntime);

  now = clock_->Now();
  Stop();
  base_.Reboot(absl::Minutes(5));
  base_.Step(-absl::Hours(24 * 365));
  EXPECT_EQ(Start().Now(), now) << "it never goes back";
}

TEST_F(StoreClockTest, WithoutABootIdEveryStartIsAfterAReboot) {
  class Anonymous final : public Clock {
   public:
    explicit Anonymous(Clock& of) : of_(of) {}
    absl::Time Now() const override { return of_.Now(); }
    absl::Time Wall() const override { return of_.Wall(); }
    absl::Duration Uptime() const override { return of_.Uptime(); }
    std::string BootId() const override { return {}; }

   private:
    Clock& of_;
  };
  Anonymous anonymous(base_);
  StoreClock first(anonymous, probe_);
  ASSERT_TRUE(first.Load("").ok());
  base_.Advance(absl::Hours(5));
  StoreClock second(anonymous, probe_);
  const std::string mark = [&] {
    StoreClock at_begin(anonymous, probe_);
    EXPECT_TRUE(at_begin.Load("").ok());
    return at_begin.Mark();
  }();
  const absl::Time marked = anonymous.Wall();
  base_.Advance(absl::Hours(5));
  ASSERT_TRUE(second.Load(mark).ok());
  EXPECT_EQ(second.Now(), marked + StoreClock::kMaxDowntime);
}

TEST_F(StoreClockTest, ADamagedMarkIsReported) {
  StoreClock clock(base_, probe_);
  EXPECT_TRUE(absl::IsDataLoss(clock.Load("\xff\xff")));
}

}  // namespace
}  // namespace ds

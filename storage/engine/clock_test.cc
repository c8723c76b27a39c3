// The system's clock is set while a server runs and while it does not, by seconds and by a year:
// what lives for a time lives as long, and what ends at a time ends then or late.

#include "base/clock.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "metrics/metrics.h"
#include "storage/api/errors.h"
#include "storage/api/sync_store.h"
#include "storage/engine/database.h"
#include "storage/engine/engine.h"

namespace ds {
namespace {

constexpr absl::Duration kYear = absl::Hours(24 * 365);

class ClockTest : public testing::TestWithParam<absl::Duration> {
 protected:
  ClockTest() {
    std::string name = testing::TempDir() + "/clock-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    options_.database.directory = directory_ + "/data";
    options_.database.durability = Durability::kOs;
    Open();
  }
  ~ClockTest() override {
    Close();
    std::filesystem::remove_all(directory_);
  }

  void Open() {
    metrics_ = std::make_unique<Metrics>();
    options_.metrics = metrics_.get();
    auto engine = Engine::Open(options_, clock_);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    store_.emplace(*engine_);
  }
  void Close() {
    store_.reset();
    engine_.reset();
  }
  // The commit thread looks at timers by itself, and at the clock when some time has passed by it.
  void LetItSweep() {
    clock_.Advance(absl::Seconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
  }
  // Time passes while the server runs; it looks at the clock now and then.
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    LetItSweep();
  }

  bool IsThere(const std::string& path) {
    const absl::Status status = store_->Head({.path = Named(path)}).status;
    EXPECT_TRUE(status.ok() || GetErrorCode(status) == ErrorCode::kStreamNotFound) << status;
    return status.ok();
  }
  // Whether its data is: what is hidden is there.
  size_t StreamsOnDisk() {
    Close();
    auto database = Database::Open(options_.database);
    EXPECT_TRUE(database.ok());
    const std::unique_ptr<rocksdb::Iterator> it((*database)->db().NewIterator(
        rocksdb::ReadOptions(), (*database)->family(Family::kStreams)));
    size_t count = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) ++count;
    return count;
  }
  void MakeLasting(const std::string& path, uint64_t seconds) {
    ASSERT_TRUE(
        store_->Create({.path = Named(path), .lifetime = {.ttl_seconds = seconds}, .body = "x"})
            .status.ok());
  }
  void MakeUntil(const std::string& path, absl::Time end) {
    ASSERT_TRUE(store_->Create({.path = Named(path), .lifetime = {.expires_at = end}, .body = "x"})
                    .status.ok());
  }

  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  std::string directory_;
  EngineOptions options_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<Engine> engine_;
  std::optional<SyncStore> store_;
};

using StepTest = ClockTest;

TEST_P(StepTest, NeitherEndsNorHoldsATtl) {
  MakeLasting("s", 3600);
  clock_.Step(GetParam());
  LetItSweep();
  EXPECT_TRUE(IsThere("s"));
  clock_.Advance(absl::Minutes(59));
  EXPECT_TRUE(IsThere("s"));
  clock_.Advance(absl::Minutes(2));
  EXPECT_FALSE(IsThere("s"));
}

TEST_P(StepTest, NeitherEndsNorHoldsATtlWhileTheServerIsDown) {
  MakeLasting("short", 600);
  MakeLasting("long", 36'000);
  Close();
  clock_.Step(GetParam());
  clock_.Advance(absl::Minutes(20));
  Open();
  LetItSweep();
  EXPECT_FALSE(IsThere("short"));
  EXPECT_TRUE(IsThere("long"));
  // A reload gives it one renewal step on top.
  clock_.Advance(absl::Hours(12));
  EXPECT_FALSE(IsThere("long"));
}

// The clock that is a year off after a reboot: a stream ends at most an hour early.
TEST_P(StepTest, EndsNoTtlButWithinAnHourAfterAReboot) {
  MakeLasting("short", 600);
  MakeLasting("long", 3 * 3600);
  Close();
  clock_.Reboot(absl::Minutes(1));
  clock_.Step(GetParam());
  Open();
  LetItSweep();
  EXPECT_TRUE(IsThere("long"));
  const bool forward = GetParam() > absl::Hours(1);
  EXPECT_EQ(IsThere("short"), !forward);
}

TEST_P(StepTest, NeitherEndsNorHoldsALease) {
  ASSERT_TRUE(store_->Make("wake", "application/json").status.ok());
  ASSERT_TRUE(store_->Make("s").status.ok());
  SubscriptionConfig config;
  config.type = SubscriptionType::kPullWake;
  config.streams = {"s"};
  config.wake_stream = "wake";
  config.lease_ttl_ms = 60'000;
  ASSERT_TRUE(store_->Ask("sub", SubscriptionCall::Put{config, "http://x/"}).status.ok());
  ASSERT_TRUE(store_->Add("s", "work").status.ok());
  const SubscriptionAnswer claim = store_->Ask("sub", SubscriptionCall::Claim{"worker"});
  ASSERT_TRUE(claim.status.ok()) << claim.status;
  clock_.Step(GetParam());
  LetItSweep();
  EXPECT_EQ(GetErrorCode(store_->Ask("sub", SubscriptionCall::Claim{"other"}).status),
            ErrorCode::kAlreadyClaimed);
  SubscriptionCall::Ack ack;
  ack.wake = {claim.token, claim.wake_id, claim.generation};
  EXPECT_TRUE(store_->Ask("sub", ack).status.ok()) << "the token is good still";
  clock_.Advance(absl::Minutes(2));
  EXPECT_TRUE(store_->Ask("sub", SubscriptionCall::Claim{"other"}).status.ok());
}

INSTANTIATE_TEST_SUITE_P(Steps, StepTest,
                         testing::Values(kYear, -kYear, absl::Hours(3), -absl::Hours(3),
                                         absl::Seconds(-30)),
                         [](const auto& info) {
                           const int64_t seconds = absl::ToInt64Seconds(info.param);
                           return (seconds < 0 ? "Back" : "Forward") +
                                  std::to_string(std::abs(seconds));
                         });

TEST_F(ClockTest, AStepForwardEndsNothingAtACalendarTimeBeforeItHasLasted) {
  MakeUntil("s", clock_.Wall() + absl::Hours(24));
  clock_.Step(kYear);
  LetItSweep();
  EXPECT_TRUE(IsThere("s"));
  Pass(absl::Minutes(30));
  // Somebody sees it, and sets the clock right.
  clock_.Step(-kYear);
  Pass(absl::Hours(20));
  EXPECT_TRUE(IsThere("s"));
  Pass(absl::Hours(5));
  EXPECT_FALSE(IsThere("s"));
  EXPECT_EQ(StreamsOnDisk(), 0u);
}

TEST_F(ClockTest, AStepThatLastsCounts) {
  MakeUntil("early", clock_.Wall() + absl::Hours(24));
  MakeUntil("late", clock_.Wall() + kYear + absl::Hours(24));
  clock_.Step(kYear);
  LetItSweep();
  Pass(StoreClock::kGrace + absl::Minutes(1));
  LetItSweep();
  EXPECT_FALSE(IsThere("early"));
  EXPECT_TRUE(IsThere("late"));
  EXPECT_EQ(StreamsOnDisk(), 1u);
}

// What a sweep has passed by may come again.
TEST_F(ClockTest, AfterAStepBackThatLastsACalendarTimeBeforeTheLastSweepEndsAStream) {
  MakeUntil("first", clock_.Wall() + absl::Hours(1));
  Pass(absl::Hours(2));
  EXPECT_FALSE(IsThere("first"));
  clock_.Step(-absl::Hours(24));
  LetItSweep();
  Pass(StoreClock::kGrace + absl::Minutes(1));
  MakeUntil("second", clock_.Wall() + absl::Minutes(5));
  LetItSweep();
  EXPECT_TRUE(IsThere("second"));
  Pass(absl::Minutes(6));
  EXPECT_FALSE(IsThere("second"));
  EXPECT_EQ(StreamsOnDisk(), 0u);
}

TEST_F(ClockTest, ACalendarTimePassesWhileTheServerIsDown) {
  MakeUntil("early", clock_.Wall() + absl::Hours(24));
  MakeUntil("late", clock_.Wall() + absl::Hours(48));
  Close();
  clock_.Advance(absl::Hours(30));
  Open();
  EXPECT_FALSE(IsThere("early"));
  EXPECT_TRUE(IsThere("late"));
  LetItSweep();
  EXPECT_EQ(StreamsOnDisk(), 1u);
}

// After a long time without a mark nothing tells a wrong clock from a long sleep.
TEST_F(ClockTest, AfterAReboot_ACalendarTimeLongPastEndsAStreamWithinTheGrace) {
  MakeUntil("s", clock_.Wall() + absl::Hours(24));
  Close();
  clock_.Reboot(absl::Hours(30));
  Open();
  LetItSweep();
  EXPECT_TRUE(IsThere("s"));
  Pass(StoreClock::kGrace + absl::Minutes(1));
  LetItSweep();
  EXPECT_FALSE(IsThere("s"));
}

TEST_F(ClockTest, AStepIsCountedAndShown) {
  const auto value = [&](const std::string& name) {
    const std::string text = metrics_->Expose();
    const size_t at = text.find("\n" + name + " ");
    return std::stod(text.substr(at + name.size() + 2));
  };
  EXPECT_EQ(value("durable_streams_clock_steps_total"), 0);
  clock_.Step(absl::Hours(2));
  LetItSweep();
  clock_.Advance(absl::Seconds(1));
  LetItSweep();
  EXPECT_EQ(value("durable_streams_clock_steps_total"), 1);
  EXPECT_NEAR(value("durable_streams_clock_step_seconds"), 7200, 1);
}

// Format 4 had timers of one kind.
TEST_F(ClockTest, TimersOfFormat4AreTakenOver) {
  const absl::Time end = clock_.Wall() + absl::Hours(24);
  MakeUntil("s", end);
  const uint64_t id = store_->Head({.path = "s"}).info.stream_id;
  Close();
  {
    auto database = Database::Open(options_.database);
    ASSERT_TRUE(database.ok());
    rocksdb::WriteBatch batch;
    const int64_t nanos = absl::ToUnixNanos(end);
    rocksdb::ColumnFamilyHandle* const timers = (*database)->family(Family::kTimers);
    batch.Delete(timers, TimerKey({nanos, id, /*calendar=*/true}));
    batch.Put(timers, TimerKey({nanos, id}), "s");
    batch.Delete((*database)->family(Family::kMeta), kClockKey);
    ASSERT_TRUE((*database)->Write(batch).ok());
  }
  Open();
  Pass(absl::Hours(23));
  EXPECT_TRUE(IsThere("s"));
  Pass(absl::Hours(2));
  LetItSweep();
  EXPECT_FALSE(IsThere("s"));
  EXPECT_EQ(StreamsOnDisk(), 0u);
}

}  // namespace
}  // namespace ds

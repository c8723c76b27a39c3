#include "storage/subscriptions/subscription.h"

#include "gtest/gtest.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

SubscriptionConfig Webhook() {
  return {.pattern = "events/*", .webhook_url = "https://worker.example/hook"};
}
SubscriptionConfig PullWake() {
  return {.type = SubscriptionType::kPullWake, .pattern = "events/*", .wake_stream = "wake/pool"};
}

TEST(CheckConfig, WantsStreamsOrAPattern) {
  SubscriptionConfig config = Webhook();
  config.pattern = {};
  EXPECT_FALSE(CheckConfig(config).ok());
  config.streams = {"a"};
  EXPECT_TRUE(CheckConfig(config).ok());
}

TEST(CheckConfig, BoundsTheLease) {
  SubscriptionConfig config = Webhook();
  for (const uint64_t ms : {uint64_t{999}, uint64_t{600'001}, uint64_t{0}}) {
    config.lease_ttl_ms = ms;
    EXPECT_EQ(GetErrorCode(CheckConfig(config)), ErrorCode::kInvalidSubscription) << ms;
  }
  for (const uint64_t ms : {uint64_t{1'000}, uint64_t{600'000}}) {
    config.lease_ttl_ms = ms;
    EXPECT_TRUE(CheckConfig(config).ok()) << ms;
  }
}

TEST(CheckConfig, AWakeStreamThatWakesItselfIsRefused) {
  SubscriptionConfig config = PullWake();
  config.streams = {config.wake_stream};
  EXPECT_FALSE(CheckConfig(config).ok());
}

TEST(CheckConfig, ReservedPathsAreRefused) {
  SubscriptionConfig config = Webhook();
  config.streams = {"__ds/x"};
  EXPECT_FALSE(CheckConfig(config).ok());
}

TEST(CheckConfig, TheServerAloneWritesTheRegistry) {
  SubscriptionConfig config = PullWake();
  config.wake_stream = "__registry__";
  EXPECT_FALSE(CheckConfig(config).ok());
}

TEST(Normalize, MakesEqualConfigurationsEqual) {
  SubscriptionConfig a = Webhook();
  a.streams = {"b", "a", "b"};
  SubscriptionConfig b = Webhook();
  b.streams = {"a", "b"};
  Normalize(a);
  Normalize(b);
  EXPECT_EQ(a, b);
}

TEST(Wake, GenerationsRise) {
  SubscriptionState state;
  for (uint64_t i = 1; i <= 3; ++i) {
    IssueWake(Webhook(), "w", kStart, state);
    EXPECT_EQ(state.generation, i);
    EndWake(state);
    EXPECT_TRUE(state.idle());
  }
}

TEST(Wake, AWebhooksLeaseBeginsWithItAWorkersWithTheClaim) {
  SubscriptionState state;
  IssueWake(Webhook(), "w", kStart, state);
  EXPECT_EQ(state.lease_ends, kStart + absl::Seconds(30));
  state = {};
  IssueWake(PullWake(), "w", kStart, state);
  EXPECT_EQ(state.lease_ends, absl::InfiniteFuture());
  Claim(PullWake(), "worker", kStart + absl::Seconds(5), state);
  EXPECT_EQ(state.lease_ends, kStart + absl::Seconds(35));
}

TEST(Wake, WhateverDoesNotMatchIsFenced) {
  SubscriptionState state;
  IssueWake(PullWake(), "w1", kStart, state);
  EXPECT_TRUE(CheckWake(state, 1, {"", "w1", 1}).ok());
  EXPECT_EQ(GetErrorCode(CheckWake(state, 2, {"", "w1", 1})), ErrorCode::kFenced);
  EXPECT_EQ(GetErrorCode(CheckWake(state, 1, {"", "w1", 2})), ErrorCode::kFenced);
  EXPECT_EQ(GetErrorCode(CheckWake(state, 1, {"", "w0", 1})), ErrorCode::kFenced);
  EndWake(state);
  EXPECT_EQ(GetErrorCode(CheckWake(state, 1, {"", "w1", 1})), ErrorCode::kFenced);
  EXPECT_EQ(GetErrorCode(CheckWake(state, 1, {"", "", 1})), ErrorCode::kFenced);
}

// A receiver that cannot be reached for an hour.
TEST(Retries, BackOffFromOneSecondToAMinute) {
  SubscriptionState state;
  IssueWake(Webhook(), "w", kStart, state);
  absl::Time now = kStart;
  std::vector<int64_t> delays;
  while (now < kStart + absl::Hours(1)) {
    NoteFailed(/*jitter=*/0, now, state);
    delays.push_back(absl::ToInt64Seconds(state.next_attempt - now));
    now = state.next_attempt;
  }
  EXPECT_EQ(std::vector<int64_t>(delays.begin(), delays.begin() + 8),
            (std::vector<int64_t>{1, 2, 4, 8, 16, 32, 60, 60}));
  EXPECT_EQ(delays.back(), 60);
  NoteDelivered(state);
  NoteFailed(0, now, state);
  EXPECT_EQ(state.next_attempt, now + absl::Seconds(1));
}

TEST(Retries, JitterIsAFifth) {
  SubscriptionState state;
  NoteFailed(1, kStart, state);
  EXPECT_EQ(state.next_attempt, kStart + absl::Milliseconds(1'200));
  state = {};
  NoteFailed(-7, kStart, state);
  EXPECT_EQ(state.next_attempt, kStart + absl::Milliseconds(800));
}

TEST(Retries, WhatWasDeliveredIsNotSentAgain) {
  SubscriptionState state;
  EXPECT_EQ(NextDelivery(Webhook(), state), absl::InfiniteFuture());
  IssueWake(Webhook(), "w", kStart, state);
  EXPECT_LE(NextDelivery(Webhook(), state), kStart);
  NoteFailed(0, kStart, state);
  EXPECT_EQ(NextDelivery(Webhook(), state), kStart + absl::Seconds(1));
  NoteDelivered(state);
  EXPECT_EQ(NextDelivery(Webhook(), state), absl::InfiniteFuture());
}

TEST(AckedPosition, AnEarlierStreamsOffsetIsTheBeginning) {
  const Lineage lineage(7);
  EXPECT_EQ(AckedPosition(std::nullopt, lineage, 100), 0u);
  EXPECT_EQ(AckedPosition(lineage.OffsetAt(40), lineage, 100), 40u);
  EXPECT_EQ(AckedPosition(Offset{3, 40}, lineage, 100), 0u);
}

}  // namespace
}  // namespace ds

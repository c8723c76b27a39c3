#include "gateway/protocol/caching.h"

#include "gtest/gtest.h"

namespace ds {
namespace {

constexpr uint64_t kId = 7;

ReadResult ReadOf(bool up_to_date, bool closed) {
  ReadResult read;
  read.info.stream_id = kId;
  read.info.closed = closed;
  read.next = {kId, 9};
  read.up_to_date = up_to_date;
  return read;
}

ReadQuery At(Offset offset, ReadQuery::Live live = ReadQuery::Live::kNone) {
  ReadQuery query;
  query.from = ReadRequest::From::kOffset;
  query.offset = offset;
  query.live = live;
  return query;
}

TEST(Permanence, WhatIsCutBelowTheTailIsFixedAndSoIsTheEnd) {
  EXPECT_EQ(PermanenceOf(At({kId, 5}), ReadOf(false, false)), Permanence::kFixed);
  EXPECT_EQ(PermanenceOf(At({kId, 5}), ReadOf(false, true)), Permanence::kFixed);
  EXPECT_EQ(PermanenceOf(At({kId, 5}), ReadOf(true, true)), Permanence::kFixed);
}

TEST(Permanence, AnAnswerAcrossALossIsNotFixed) {
  ReadResult read = ReadOf(false, false);
  read.next = {kId + 1000, 9};
  EXPECT_EQ(PermanenceOf(At({kId, 5}), read), Permanence::kChanging);
  EXPECT_EQ(PermanenceOf(At({kId + 1000, 7}), read), Permanence::kFixed);
}

TEST(Permanence, WhatEndsAtTheTailOfAnOpenStreamChanges) {
  EXPECT_EQ(PermanenceOf(At({kId, 5}), ReadOf(true, false)), Permanence::kChanging);
}

TEST(Permanence, AUrlThatNamesNoIncarnationMayGetAnother) {
  for (const bool up_to_date : {false, true}) {
    for (const bool closed : {false, true}) {
      const ReadResult read = ReadOf(up_to_date, closed);
      EXPECT_EQ(PermanenceOf(ReadQuery(), read), Permanence::kChanging);
      // The beginning of every stream, and a place that a fork has from its source.
      EXPECT_EQ(PermanenceOf(At({0, 0}), read), Permanence::kChanging);
      EXPECT_EQ(PermanenceOf(At({3, 2}), read), Permanence::kChanging);
    }
  }
}

TEST(Permanence, ALongPollAtANamedPlaceIsShared) {
  const auto live = ReadQuery::Live::kLongPoll;
  EXPECT_EQ(PermanenceOf(At({kId, 5}, live), ReadOf(true, false)), Permanence::kShared);
  EXPECT_EQ(PermanenceOf(At({kId, 5}, live), ReadOf(false, false)), Permanence::kFixed);
  EXPECT_EQ(PermanenceOf(At({0, 0}, live), ReadOf(true, false)), Permanence::kChanging);
}

TEST(Permanence, NowIsOver) {
  ReadQuery query;
  query.from = ReadRequest::From::kNow;
  EXPECT_EQ(PermanenceOf(query, ReadOf(true, false)), Permanence::kMomentary);
  EXPECT_EQ(PermanenceOf(query, ReadOf(true, true)), Permanence::kMomentary);
}

std::string Control(Permanence permanence, bool has_content = true, bool is_private = false,
                    std::optional<absl::Duration> life_left = std::nullopt,
                    const CacheOptions& options = {}) {
  return CacheControl(options, permanence, has_content, is_private, life_left);
}

TEST(CacheControl, OnlyWhatIsFixedIsKept) {
  EXPECT_EQ(Control(Permanence::kFixed), "public, max-age=31536000, immutable");
  EXPECT_EQ(Control(Permanence::kChanging), "public, no-cache");
  EXPECT_EQ(Control(Permanence::kMomentary), "no-store");
}

TEST(CacheControl, LongPollsAreSharedByThoseWhoWait) {
  const std::string shared =
      "public, max-age=0, s-maxage=2, must-revalidate, stale-while-revalidate=0";
  EXPECT_EQ(Control(Permanence::kShared), shared);
  EXPECT_EQ(Control(Permanence::kShared, false), shared);
  EXPECT_EQ(Control(Permanence::kFixed, false), shared);
  EXPECT_EQ(Control(Permanence::kChanging, false), "no-store");
  EXPECT_EQ(Control(Permanence::kMomentary, false), "no-store");
}

TEST(CacheControl, WhatIsForOneClientIsNotShared) {
  EXPECT_EQ(Control(Permanence::kFixed, true, true), "private, max-age=31536000, immutable");
  EXPECT_EQ(Control(Permanence::kChanging, true, true), "private, no-cache");
  EXPECT_EQ(Control(Permanence::kShared, true, true), "private, no-cache");
  EXPECT_EQ(Control(Permanence::kShared, false, true), "no-store");
}

TEST(CacheControl, NothingIsKeptLongerThanTheStreamLives) {
  EXPECT_EQ(Control(Permanence::kFixed, true, false, absl::Seconds(10)),
            "public, max-age=10, immutable, must-revalidate, stale-while-revalidate=0");
  EXPECT_EQ(Control(Permanence::kFixed, true, false, absl::ZeroDuration()), "public, no-cache");
  EXPECT_EQ(Control(Permanence::kShared, true, false, absl::Seconds(1)),
            "public, max-age=0, s-maxage=1, must-revalidate, stale-while-revalidate=0");
  EXPECT_EQ(Control(Permanence::kShared, true, false, absl::ZeroDuration()), "public, no-cache");
}

TEST(CacheControl, TheMaximumIsAnOption) {
  const CacheOptions hour{.max_age = absl::Hours(1)};
  EXPECT_EQ(Control(Permanence::kFixed, true, false, std::nullopt, hour),
            "public, max-age=3600, immutable");
  const CacheOptions none{.max_age = absl::ZeroDuration()};
  EXPECT_EQ(Control(Permanence::kFixed, true, false, std::nullopt, none), "public, no-cache");
}

TEST(CacheControl, TheProtocolsOwnValues) {
  const CacheOptions protocol{.policy = CacheOptions::Policy::kProtocol};
  for (const auto permanence : {Permanence::kFixed, Permanence::kShared, Permanence::kChanging}) {
    EXPECT_EQ(Control(permanence, true, false, std::nullopt, protocol),
              "public, max-age=60, stale-while-revalidate=300");
    EXPECT_EQ(Control(permanence, true, true, absl::Seconds(100), protocol),
              "private, max-age=60, stale-while-revalidate=40");
    EXPECT_EQ(Control(permanence, true, false, absl::Seconds(10), protocol),
              "public, max-age=10, stale-while-revalidate=0");
    EXPECT_EQ(Control(permanence, false, false, std::nullopt, protocol), "no-store");
  }
  EXPECT_EQ(Control(Permanence::kMomentary, true, false, std::nullopt, protocol), "no-store");
}

TEST(LifeLeft, OfATtlAllOfItOfADateTheRestInWholeSeconds) {
  const absl::Time now = absl::FromUnixMillis(1'000'400);
  EXPECT_FALSE(LifeLeft({}, now));
  EXPECT_EQ(LifeLeft({.ttl_seconds = 30}, now), absl::Seconds(30));
  EXPECT_EQ(LifeLeft({.expires_at = absl::FromUnixMillis(1'002'000)}, now), absl::Seconds(1));
  EXPECT_EQ(LifeLeft({.expires_at = absl::FromUnixMillis(900'000)}, now), absl::ZeroDuration());
  EXPECT_GT(LifeLeft({.ttl_seconds = ~uint64_t{0}}, now), absl::Hours(24 * 365));
}

}  // namespace
}  // namespace ds

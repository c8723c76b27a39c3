#include "gateway/protocol/cursor.h"

#include "gtest/gtest.h"

namespace ds {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'728'432'000) + absl::Seconds(20 * 1000 + 5);

TEST(Cursor, IsTheNumberOfTheInterval) {
  EXPECT_EQ(ResponseCursor({}, kNow, std::nullopt), 1000u);
  EXPECT_EQ(ResponseCursor({}, kNow, "999"), 1000u);
}

TEST(Cursor, GoesStrictlyAboveTheClientsByAnHourAtMost) {
  for (uint64_t theirs = 1000; theirs < 2000; ++theirs) {
    const uint64_t ours = ResponseCursor({}, kNow, std::to_string(theirs));
    EXPECT_GT(ours, theirs);
    EXPECT_LE(ours, theirs + 180);
  }
  const CursorOptions days{.interval = absl::Hours(24)};
  EXPECT_EQ(ResponseCursor(days, kNow, "5"), 6u);
}

TEST(Cursor, ReadersWithDifferentCursorsMeet) {
  const uint64_t meeting = ResponseCursor({}, kNow, "1081");
  for (uint64_t theirs = 1080; theirs < 1260; ++theirs) {
    EXPECT_EQ(ResponseCursor({}, kNow, std::to_string(theirs)), meeting) << theirs;
  }
}

TEST(Cursor, WhatIsNoNumberCountsAsNone) {
  for (const char* cursor : {"", "abc", "12x", "-5", "99999999999999999999999"}) {
    EXPECT_EQ(ResponseCursor({}, kNow, cursor), 1000u) << cursor;
  }
}

}  // namespace
}  // namespace ds

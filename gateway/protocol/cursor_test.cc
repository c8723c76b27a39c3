#include "gateway/protocol/cursor.h"

#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"

namespace ds {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'728'432'000) + absl::Seconds(20 * 1000 + 5);

TEST(Cursor, IsTheNumberOfTheInterval) {
  EXPECT_EQ(ResponseCursor({}, kNow, std::nullopt), 1000u);
  EXPECT_EQ(ResponseCursor({}, kNow, 999), 1000u);
}

TEST(Cursor, GoesStrictlyAboveTheClientsByAnHourAtMost) {
  for (uint64_t theirs = 1000; theirs < 2000; ++theirs) {
    const uint64_t ours = ResponseCursor({}, kNow, theirs);
    EXPECT_GT(ours, theirs);
    EXPECT_LE(ours, theirs + 180);
  }
  const CursorOptions days{.interval = absl::Hours(24)};
  EXPECT_EQ(ResponseCursor(days, kNow, 5), 6u);
}

TEST(Cursor, ReadersWithDifferentCursorsMeet) {
  const uint64_t meeting = ResponseCursor({}, kNow, 1081);
  for (uint64_t theirs = 1080; theirs < 1260; ++theirs) {
    EXPECT_EQ(ResponseCursor({}, kNow, theirs), meeting) << theirs;
  }
}

RC_GTEST_PROP(Cursor, IsAlwaysAboveTheClients, (uint64_t theirs, uint32_t seconds)) {
  RC_PRE(theirs < kMaxCursor);
  const CursorOptions options{.interval = absl::Seconds(*rc::gen::inRange(1, 10'000))};
  RC_ASSERT(ResponseCursor(options, absl::FromUnixSeconds(seconds), theirs) > theirs);
}

TEST(Cursor, GoesUpToTheLargestAndEndsThere) {
  for (const uint64_t theirs : {kMaxCursor - 1, kMaxCursor - 2, kMaxCursor - 181}) {
    EXPECT_GT(ResponseCursor({}, kNow, theirs), theirs);
  }
  EXPECT_EQ(ResponseCursor({}, kNow, kMaxCursor - 1), kMaxCursor);
  EXPECT_FALSE(ParseCursor("18446744073709551615"));
}

TEST(Cursor, IsADecimalNumber) {
  EXPECT_EQ(ParseCursor("0"), 0u);
  EXPECT_EQ(ParseCursor("1000"), 1000u);
  EXPECT_EQ(ParseCursor("0000000000000000000000000001000"), 1000u);
  EXPECT_EQ(ParseCursor("18446744073709551614"), kMaxCursor - 1);
  for (const char* text : {"", "abc", "12x", "-5", "+5", " 5", "5 ", "1e3", "0x10", "1.0",
                           "18446744073709551616", "99999999999999999999999"}) {
    EXPECT_FALSE(ParseCursor(text)) << text;
  }
}

}  // namespace
}  // namespace ds

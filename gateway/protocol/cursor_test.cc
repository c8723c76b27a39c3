#include "gateway/protocol/cursor.h"

#include "gtest/gtest.h"

namespace ds {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'728'432'000) + absl::Seconds(20 * 1000 + 5);

TEST(Cursor, IsTheNumberOfTheInterval) {
  EXPECT_EQ(ResponseCursor({}, kNow, std::nullopt, 7), 1000u);
  EXPECT_EQ(ResponseCursor({}, kNow, "999", 7), 1000u);
}

TEST(Cursor, GoesStrictlyAboveTheClients) {
  for (uint64_t random = 0; random < 4000; random += 13) {
    EXPECT_GT(ResponseCursor({}, kNow, "1000", random), 1000u);
    EXPECT_LE(ResponseCursor({}, kNow, "1000", random), 1000u + 180);
    EXPECT_GT(ResponseCursor({}, kNow, "123456", random), 123456u);
  }
}

TEST(Cursor, WhatIsNoNumberCountsAsNone) {
  for (const char* cursor : {"", "abc", "12x", "-5", "99999999999999999999999"}) {
    EXPECT_EQ(ResponseCursor({}, kNow, cursor, 7), 1000u) << cursor;
  }
}

}  // namespace
}  // namespace ds

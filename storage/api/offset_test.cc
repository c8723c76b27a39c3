#include "storage/api/offset.h"

#include "gtest/gtest.h"

namespace ds {
namespace {

TEST(Offset, TextIsFixedWidthHex) {
  EXPECT_EQ((Offset{0x1f, 0xabc}).ToString(), "000000000000001f_0000000000000abc");
}

TEST(Offset, TextOrderIsStreamOrder) {
  EXPECT_LT((Offset{1, 255}).ToString(), (Offset{1, 256}).ToString());
  EXPECT_LT((Offset{1, 9999}).ToString(), (Offset{2, 3}).ToString());
}

TEST(Offset, ParsesWhatItWrites) {
  const Offset offset{~0ull, 1ull << 53};
  EXPECT_EQ(Offset::Parse(offset.ToString()), offset);
}

TEST(Offset, RefusesEverythingElse) {
  for (const char* text :
       {"", "-1", "now", "1_1", "000000000000001F_0000000000000000",
        "0000000000000001-0000000000000000", "0000000000000001_00000000000000000",
        "0000000000000001_000000000000000 ", "+000000000000001_0000000000000000"}) {
    EXPECT_FALSE(Offset::Parse(text)) << text;
  }
}

}  // namespace
}  // namespace ds

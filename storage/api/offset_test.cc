#include "storage/api/offset.h"

#include "gtest/gtest.h"

namespace ds {
namespace {

constexpr uint64_t kFirst = Offset::kFirstIncarnation;

TEST(Offset, TextIsFixedWidthDecimalWithTwiceThePosition) {
  EXPECT_EQ((Offset{kFirst + 7, 1234}).ToString(), "0002000000000007_0000000000002468");
  EXPECT_EQ(Offset{}.ToString(), "0000000000000000_0000000000000000");
}

TEST(Offset, TextOrderIsStreamOrder) {
  const Offset offsets[] = {
      {0, 0},         {1, 9},          {9, 100},         {10, 0},         {kFirst, 999},
      {kFirst, 1000}, {kFirst + 1, 1}, {kFirst + 10, 0}, {1ull << 53, 0}, {1ull << 53, 1ull << 50}};
  for (const Offset& a : offsets) {
    for (const Offset& b : offsets) {
      EXPECT_EQ(a < b, a.ToString() < b.ToString()) << a.ToString() << " " << b.ToString();
    }
    EXPECT_EQ(Offset::Parse(a.ToString()), a) << a.ToString();
  }
}

TEST(Offset, OneMoreMeansTheSamePlace) {
  EXPECT_EQ(Offset::Parse("0002000000000007_0000000000002469"), (Offset{kFirst + 7, 1234}));
  EXPECT_EQ(Offset::Parse("0000000000000000_0000000000000001"), Offset{});
}

TEST(Offset, TextsOfOlderVersionsKeepTheirMeaning) {
  EXPECT_EQ(Offset::Parse("000000000000001f_0000000000000abc"), (Offset{0x1f, 0xabc}));
  EXPECT_EQ(Offset::Parse("0000000000000012_0000000000000100"), (Offset{0x12, 0x100}));
  // The same place in today's form.
  EXPECT_EQ((Offset{0x12, 0x100}).ToString(), "0001000000000018_0000000000000512");
}

TEST(Offset, RefusesEverythingElse) {
  for (const char* text :
       {"", "-1", "now", "1_1", "000000000000001F_0000000000000000",
        "0002000000000001-0000000000000000", "0002000000000001_00000000000000000",
        "0002000000000001_000000000000000 ", "+002000000000001_0000000000000000",
        "000200000000000a_0000000000000000", "0002000000000001_000000000000000a",
        "0001000000000000_0000000000000000", "0000ffffffffffff_0000000000000000",
        "0000000000000000_0000000000000002", "0000000000000000_00000000000000ff",
        "000000000000001f_0080000000000001"}) {
    EXPECT_EQ(Offset::Parse(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace ds

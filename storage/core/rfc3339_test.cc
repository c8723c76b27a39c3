#include "storage/core/rfc3339.h"

#include <string>

#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"

namespace ds {
namespace {

absl::Time Utc(int year, int month, int day, int hour, int minute, int second) {
  return absl::FromCivil(absl::CivilSecond(year, month, day, hour, minute, second),
                         absl::UTCTimeZone());
}

TEST(Rfc3339, ItsOwnExamples) {
  EXPECT_EQ(ParseRfc3339("1985-04-12T23:20:50.52Z"),
            Utc(1985, 4, 12, 23, 20, 50) + absl::Milliseconds(520));
  EXPECT_EQ(ParseRfc3339("1996-12-19T16:39:57-08:00"), Utc(1996, 12, 20, 0, 39, 57));
  EXPECT_EQ(ParseRfc3339("1990-12-31T23:59:60Z"), Utc(1991, 1, 1, 0, 0, 0));
  EXPECT_EQ(ParseRfc3339("1990-12-31T15:59:60-08:00"), Utc(1991, 1, 1, 0, 0, 0));
  EXPECT_EQ(ParseRfc3339("1937-01-01T12:00:27.87+00:20"),
            Utc(1937, 1, 1, 11, 40, 27) + absl::Milliseconds(870));
}

TEST(Rfc3339, LettersMayBeSmall) {
  EXPECT_EQ(ParseRfc3339("2030-01-02t03:04:05z"), Utc(2030, 1, 2, 3, 4, 5));
}

TEST(Rfc3339, TheEndsOfTime) {
  EXPECT_EQ(ParseRfc3339("0000-01-01T00:00:00Z"), Utc(0, 1, 1, 0, 0, 0));
  EXPECT_EQ(ParseRfc3339("0000-01-01T00:00:00+23:59"), Utc(-1, 12, 31, 0, 1, 0));
  EXPECT_EQ(ParseRfc3339("9999-12-31T23:59:59-23:59"), Utc(10000, 1, 1, 23, 58, 59));
  EXPECT_EQ(ParseRfc3339("2030-01-01T00:00:00-00:00"), Utc(2030, 1, 1, 0, 0, 0));
}

TEST(Rfc3339, FractionsOfAnyLength) {
  EXPECT_EQ(ParseRfc3339("2030-01-01T00:00:00.000000001Z"),
            Utc(2030, 1, 1, 0, 0, 0) + absl::Nanoseconds(1));
  const std::string nines(500, '9');
  EXPECT_EQ(ParseRfc3339("2030-01-01T00:00:00." + nines + "Z"),
            Utc(2030, 1, 1, 0, 0, 1) - absl::Nanoseconds(1));
}

TEST(Rfc3339, EveryMonthHasItsDays) {
  for (const char* text : {"2024-02-29", "2000-02-29", "2030-04-30", "2030-12-31", "0000-02-29"}) {
    EXPECT_TRUE(ParseRfc3339(std::string(text) + "T00:00:00Z")) << text;
  }
  for (const char* text : {"2023-02-29", "1900-02-29", "2100-02-29", "2024-02-30", "2030-04-31",
                           "2030-12-32", "2030-01-00", "2030-00-01", "2030-13-01"}) {
    EXPECT_FALSE(ParseRfc3339(std::string(text) + "T00:00:00Z")) << text;
  }
}

TEST(Rfc3339, LeapSecondsStandAtTheEndOfAMonthInUtc) {
  for (const char* text : {"2016-12-31T23:59:60Z", "2016-12-31T23:59:60.5Z",
                           "2017-01-01T05:29:60+05:30", "2030-06-30T23:59:60Z"}) {
    EXPECT_TRUE(ParseRfc3339(text)) << text;
  }
  for (const char* text : {"2016-12-30T23:59:60Z", "2016-12-31T23:58:60Z", "2016-12-31T22:59:60Z",
                           "2016-12-31T23:59:60+01:00", "2016-12-31T23:59:61Z"}) {
    EXPECT_FALSE(ParseRfc3339(text)) << text;
  }
}

TEST(Rfc3339, WhatIsNearlyATimestampIsNone) {
  for (const char* text : {"",
                           "99-01-01T00:00:00Z",
                           "999-01-01T00:00:00Z",
                           "10000-01-01T00:00:00Z",
                           "+2030-01-01T00:00:00Z",
                           "-2030-01-01T00:00:00Z",
                           "2030-1-01T00:00:00Z",
                           "2030-01-1T00:00:00Z",
                           "2030-01-01 00:00:00Z",
                           "2030-01-01T00:00:00",
                           "2030-01-01T00:00Z",
                           "2030-01-01T0:00:00Z",
                           "2030-01-01T24:00:00Z",
                           "2030-01-01T00:60:00Z",
                           "2030-01-01T00:00:00.Z",
                           "2030-01-01T00:00:00,5Z",
                           "2030-01-01T00:00:00+0000",
                           "2030-01-01T00:00:00+00",
                           "2030-01-01T00:00:00+24:00",
                           "2030-01-01T00:00:00+00:60",
                           "2030-01-01T00:00:00 Z",
                           " 2030-01-01T00:00:00Z",
                           "2030-01-01T00:00:00Z ",
                           "2030-01-01T00:00:00ZZ",
                           "2030-01-01T00:00:00Z+00:00",
                           "2030-01-01T00:00:00UTC",
                           "2030-01-01",
                           "20300101T000000Z",
                           "infinite-future",
                           "2030-01-01T00:00:0\xd9\xa0Z",
                           "2030/01/01T00:00:00Z",
                           "2030-W01-1T00:00:00Z",
                           "Sun, 06 Nov 1994 08:49:37 GMT"}) {
    EXPECT_FALSE(ParseRfc3339(text)) << text;
  }
}

RC_GTEST_PROP(Rfc3339, EveryTimeIsReadBack, ()) {
  const int year = *rc::gen::inRange(0, 10000);
  const int month = *rc::gen::inRange(1, 13);
  const int day = *rc::gen::inRange(1, 29);
  const int hour = *rc::gen::inRange(0, 24);
  const int minute = *rc::gen::inRange(0, 60);
  const int second = *rc::gen::inRange(0, 60);
  const int nanos = *rc::gen::inRange(0, 1'000'000'000);
  const int offset = *rc::gen::inRange(-1439, 1440);
  const std::string text = absl::StrFormat(
      "%04d-%02d-%02dT%02d:%02d:%02d.%09d%c%02d:%02d", year, month, day, hour, minute, second,
      nanos, offset < 0 ? '-' : '+', std::abs(offset) / 60, std::abs(offset) % 60);
  RC_ASSERT(ParseRfc3339(text) == Utc(year, month, day, hour, minute, second) +
                                      absl::Nanoseconds(nanos) - absl::Minutes(offset));
}

// What is one character away from a timestamp is read as Abseil reads it, or refused.
RC_GTEST_PROP(Rfc3339, WhatIsTakenHasTheShape, ()) {
  std::string text = "2030-06-15T12:34:56.789+01:30";
  const auto at = *rc::gen::inRange<size_t>(0, text.size());
  text[at] = *rc::gen::arbitrary<char>();
  const auto parsed = ParseRfc3339(text);
  if (!parsed) return;
  absl::Time expected;
  std::string error;
  RC_ASSERT(absl::ParseTime(absl::RFC3339_full, text, &expected, &error));
  RC_ASSERT(*parsed == expected);
}

}  // namespace
}  // namespace ds

#include "storage/api/path_pattern.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ds {
namespace {

using ::testing::HasSubstr;

PathPattern Pattern(const std::string& text) {
  absl::StatusOr<PathPattern> pattern = PathPattern::Parse(text);
  EXPECT_TRUE(pattern.ok()) << text << ": " << pattern.status();
  return pattern.ok() ? *pattern : PathPattern();
}

bool Matches(const std::string& pattern, std::string_view path) {
  return Pattern(pattern).Matches(path);
}

TEST(PathPattern, ALiteralMeansItself) {
  EXPECT_TRUE(Matches("a/b", "a/b"));
  EXPECT_FALSE(Matches("a/b", "a/bc"));
  EXPECT_FALSE(Matches("a/b", "a"));
  EXPECT_FALSE(Matches("a/b", "A/b"));
  EXPECT_FALSE(Matches("a/b", "a/b/"));
  EXPECT_FALSE(Matches("a/b", "a//b"));
}

TEST(PathPattern, AnAsteriskIsOneSegment) {
  EXPECT_TRUE(Matches("events/*", "events/a"));
  EXPECT_FALSE(Matches("events/*", "events"));
  EXPECT_FALSE(Matches("events/*", "events/a/b"));
  EXPECT_TRUE(Matches("*/x", "a/x"));
}

TEST(PathPattern, TwoAsterisksAreAnyNumberOfSegments) {
  EXPECT_TRUE(Matches("**", "a/b/c"));
  EXPECT_TRUE(Matches("events/**", "events"));
  EXPECT_TRUE(Matches("events/**", "events/a/b"));
  EXPECT_FALSE(Matches("events/**", "other/a"));
  EXPECT_FALSE(Matches("events/**", "events2"));
  EXPECT_TRUE(Matches("**/end", "a/b/end"));
  EXPECT_TRUE(Matches("**/end", "end/end"));
  EXPECT_TRUE(Matches("a/**/z", "a/z"));
  EXPECT_FALSE(Matches("a/**/z", "a/z/y"));
  EXPECT_TRUE(Matches("a/**/b/**/c", "a/b/b/x/c/c"));
  EXPECT_FALSE(Matches("a/**/b/**/c", "a/c/b"));
  EXPECT_TRUE(Matches("**/*", "a"));
  EXPECT_TRUE(Matches("**/**", "a"));
}

TEST(PathPattern, AnAsteriskInASegmentIsARunOfCharacters) {
  EXPECT_TRUE(Matches("log-*", "log-a"));
  EXPECT_TRUE(Matches("log-*", "log-"));
  EXPECT_FALSE(Matches("log-*", "log"));
  EXPECT_FALSE(Matches("log-*", "log-a/b"));
  EXPECT_TRUE(Matches("*.json", "a.json"));
  EXPECT_TRUE(Matches("a*z/b", "a--z/b"));
  EXPECT_FALSE(Matches("ab*bc", "abc")) << "the two ends must not share a character";
}

TEST(PathPattern, AnEscapedAsteriskIsALiteral) {
  EXPECT_TRUE(Matches("a/%2A", "a/*"));
  EXPECT_FALSE(Matches("a/%2A", "a/b"));
  EXPECT_TRUE(Matches(EscapePattern("a*b/**"), "a*b/**"));
  EXPECT_FALSE(Matches(EscapePattern("a*b/**"), "axb/c"));
}

TEST(PathPattern, SaysWhatItDoesNotUnderstand) {
  const std::pair<std::string, const char*> slips[] = {
      {"", "empty"},
      {"a**", "'a**': '**' must be a whole segment; 'a*/**'"},
      {"a/***", "whole segment"},
      {"a*b*c", "one '*'"},
      {"a\nb", "control characters"},
      {"\xff", "UTF-8"},
      {std::string(PathPattern::kMaxBytes + 1, 'a'), "2048 bytes"},
      {[] {
         std::string text = "a";
         for (size_t i = 0; i < PathPattern::kMaxSegments; ++i) text += "/**";
         return text;
       }(),
       "64 segments"},
  };
  for (const auto& [text, reason] : slips) {
    const absl::StatusOr<PathPattern> pattern = PathPattern::Parse(text);
    ASSERT_FALSE(pattern.ok()) << text;
    EXPECT_THAT(std::string(pattern.status().message()), HasSubstr(reason));
  }
}

TEST(PathPattern, CoversWhatMeansNoMore) {
  const std::pair<const char*, const char*> covered[] = {
      {"**", "**"},           {"**", "a/*/b"},    {"a/**", "a"},      {"a/**", "a/**"},
      {"a/**", "a/x/*"},      {"a/**", "a/**/b"}, {"a/*", "a/*"},     {"a/*", "a/b*"},
      {"a/b*", "a/bc*"},      {"a/*c", "a/b*bc"}, {"*/**", "**/*"},   {"**/b", "**/a/b"},
      {"a/*/**", "a/**/*/b"}, {"a/**/b", "a/b"},  {"a/%2A", "a/%2a"}, {"**/**", "**"},
  };
  for (const auto& [wide, narrow] : covered) {
    EXPECT_TRUE(Pattern(wide).Covers(Pattern(narrow))) << wide << " and " << narrow;
  }
  const std::pair<const char*, const char*> not_covered[] = {
      {"a/*", "a/**"},    {"a/**", "**"},    {"a/**", "*/x"},  {"a/**", "a*"},
      {"a/b*", "a/*"},    {"a/b*c", "a/b*"}, {"a", "a/**"},    {"ab*bc", "ab*c"},
      {"**/b", "**/b/*"}, {"*", "**"},       {"a/%2A", "a/*"}, {"a/*/**", "a/**"},
  };
  for (const auto& [wide, narrow] : not_covered) {
    EXPECT_FALSE(Pattern(wide).Covers(Pattern(narrow))) << wide << " and " << narrow;
  }
}

TEST(PathPattern, ThePrefixIsWhatAllPathsBeginWith) {
  EXPECT_EQ(Pattern("a/b/*/c").Prefix(), "a/b/");
  EXPECT_EQ(Pattern("a/b*/c").Prefix(), "a/b");
  EXPECT_EQ(Pattern("a/**").Prefix(), "a");
  EXPECT_EQ(Pattern("a/b").Prefix(), "a/b");
  EXPECT_EQ(Pattern("**").Prefix(), "");
  EXPECT_EQ(Pattern("a%2Ab/*").Prefix(), "a*b/");
}

TEST(PathPattern, ManyWildcardsTakeAKnownTime) {
  std::string text = "x";
  for (int i = 0; i < 31; ++i) text = "**/s/" + text;
  std::string path = "y";
  for (int i = 0; i < 1000; ++i) path = "s/" + path;
  const PathPattern pattern = Pattern(text);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(pattern.Matches(path));
}

}  // namespace
}  // namespace ds

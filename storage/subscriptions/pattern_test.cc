#include "storage/subscriptions/pattern.h"

#include <chrono>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ds {
namespace {

using ::testing::UnorderedElementsAre;
using ::testing::UnorderedElementsAreArray;

PathPattern Pattern(const std::string& text) { return *PathPattern::Parse(text); }

std::string Repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(PatternIndex, FindsWhatMatchesAndNothingElse) {
  std::vector<PathPattern> patterns;
  for (const char* const text : {"a/*", "a/b", "**", "a/**", "*/b", "x/**/y", "**/**/b", "x/**/*/y",
                                 "a*/b", "*c", "**/q*/b", "x/**", "**/x/**", "%2A/b"}) {
    patterns.push_back(Pattern(text));
  }
  PatternIndex index;
  for (PathPattern& pattern : patterns) index.Add(pattern, &pattern);
  for (const char* const path : {"a", "a/b", "a/c", "b", "x/y", "x/1/2/y", "a/b/c", "q/b", "ab/b",
                                 "abc", "q/qq/b", "1/x/2", "*/b", "x", "/a", "a/", ""}) {
    std::vector<std::string> expected;
    for (const PathPattern& pattern : patterns) {
      if (pattern.Matches(path)) expected.push_back(pattern.text());
    }
    std::vector<std::string> found;
    for (void* const value : index.Find(path)) {
      found.push_back(static_cast<PathPattern*>(value)->text());
    }
    EXPECT_THAT(found, UnorderedElementsAreArray(expected)) << path;
  }
}

TEST(PatternIndex, WhatIsRemovedIsNotFound) {
  int first;
  int second;
  PatternIndex index;
  for (const char* const text : {"a/*", "a/**", "a/b*", "**/b"}) {
    index.Add(Pattern(text), &first);
    index.Add(Pattern(text), &second);
    index.Remove(Pattern(text), &first);
    EXPECT_THAT(index.Find("a/b"), UnorderedElementsAre(&second)) << text;
    index.Remove(Pattern(text), &second);
    EXPECT_TRUE(index.empty());
    EXPECT_THAT(index.Find("a/b"), UnorderedElementsAre());
  }
}

TEST(PatternIndex, BoundsWhatOnePathCanLeadTo) {
  int value;
  PatternIndex index;
  const auto fill = [&](const std::string& begin) {
    size_t count = 0;
    while (true) {
      const PathPattern pattern = Pattern(absl::StrCat(begin, "**/", count));
      if (!index.HasRoomFor(pattern)) return count;
      index.Add(pattern, &value);
      ++count;
    }
  };
  EXPECT_EQ(fill("a/"), PatternIndex::kMaxFloating);
  // The others have room of their own, and what is there already takes none.
  EXPECT_EQ(fill("b/"), PatternIndex::kMaxFloating);
  EXPECT_EQ(fill(""), PatternIndex::kMaxFloating);
  EXPECT_TRUE(index.HasRoomFor(Pattern("a/**/1")));
  EXPECT_TRUE(index.HasRoomFor(Pattern("a/**")));
  EXPECT_TRUE(index.HasRoomFor(Pattern("a/x/*/y")));
  EXPECT_FALSE(index.HasRoomFor(Pattern("a/**/new")));
  EXPECT_FALSE(index.HasRoomFor(Pattern("*/**/new")));
  index.Remove(Pattern("a/**/1"), &value);
  EXPECT_TRUE(index.HasRoomFor(Pattern("a/**/new")));
  EXPECT_FALSE(index.HasRoomFor(Pattern("a/**/new/more")));
}

// The search was cubic: a few hundred `**` made one path take seconds.
TEST(PatternIndex, TheWorstPatternsTakeAMillisecond) {
  int value;
  PatternIndex index;
  int count = 0;
  // Nodes that every segment of the path leads to again, as many as there may be: of patterns that
  // begin with a wildcard, and of those that begin with `s`.
  for (const std::string begin : {"", "s/"}) {
    for (int i = 0;; ++i) {
      const PathPattern pattern =
          Pattern(absl::StrCat(begin, Repeat("**/s/", 20), "**/*", Repeat("/s", i % 5), "/t", i));
      if (!index.HasRoomFor(pattern)) break;
      index.Add(pattern, &value);
      ++count;
    }
  }
  EXPECT_GT(count, 10);
  const std::string path = Repeat("s/", 127) + "x";
  const auto begin = std::chrono::steady_clock::now();
  constexpr int kTimes = 20;
  for (int i = 0; i < kTimes; ++i) EXPECT_THAT(index.Find(path), UnorderedElementsAre());
  const auto took = (std::chrono::steady_clock::now() - begin) / kTimes;
  EXPECT_LT(took, std::chrono::milliseconds(10));
  RecordProperty(
      "microseconds",
      static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
}

TEST(PatternIndex, ThePathsThatMatchInManyWaysAreFoundOnce) {
  int value;
  PatternIndex index;
  index.Add(Pattern(Repeat("**/s/", 30) + "**"), &value);
  EXPECT_THAT(index.Find(Repeat("s/", 1000) + "s"), UnorderedElementsAre(&value));
}

}  // namespace
}  // namespace ds

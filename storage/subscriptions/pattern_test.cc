#include "storage/subscriptions/pattern.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ds {
namespace {

using ::testing::UnorderedElementsAre;

TEST(PatternMatches, ALiteralNamesItself) {
  EXPECT_TRUE(PatternMatches("a/b", "a/b"));
  EXPECT_FALSE(PatternMatches("a/b", "a/bc"));
  EXPECT_FALSE(PatternMatches("a/b", "a"));
}

TEST(PatternMatches, AnAsteriskIsOneSegment) {
  EXPECT_TRUE(PatternMatches("events/*", "events/a"));
  EXPECT_FALSE(PatternMatches("events/*", "events"));
  EXPECT_FALSE(PatternMatches("events/*", "events/a/b"));
  EXPECT_TRUE(PatternMatches("*/x", "a/x"));
}

TEST(PatternMatches, TwoAsterisksAreAnyNumberOfSegments) {
  EXPECT_TRUE(PatternMatches("**", "a/b/c"));
  EXPECT_TRUE(PatternMatches("events/**", "events"));
  EXPECT_TRUE(PatternMatches("events/**", "events/a/b"));
  EXPECT_FALSE(PatternMatches("events/**", "other/a"));
  EXPECT_TRUE(PatternMatches("**/end", "a/b/end"));
  EXPECT_TRUE(PatternMatches("a/**/z", "a/z"));
  EXPECT_FALSE(PatternMatches("a/**/z", "a/z/y"));
}

TEST(PatternMatches, AnEscapedAsteriskIsALiteral) {
  EXPECT_TRUE(PatternMatches("a/%2A", "a/*"));
  EXPECT_FALSE(PatternMatches("a/%2A", "a/b"));
}

TEST(PatternPrefix, IsWhatAllMatchesBeginWith) {
  EXPECT_EQ(PatternPrefix("a/b/*/c"), "a/b");
  EXPECT_EQ(PatternPrefix("a/b"), "a/b");
  EXPECT_EQ(PatternPrefix("**"), "");
}

TEST(PatternIndex, FindsWhatMatchesAndNothingElse) {
  const std::vector<std::string> patterns = {"a/*", "a/b",    "**",     "a/**",
                                             "*/b", "x/**/y", "**/**/b"};
  const std::vector<std::string> paths = {"a", "a/b", "a/c", "b", "x/y", "x/1/2/y", "a/b/c", "q/b"};
  PatternIndex index;
  for (const std::string& pattern : patterns)
    index.Add(pattern, const_cast<std::string*>(&pattern));
  for (const std::string& path : paths) {
    std::vector<std::string> expected;
    for (const std::string& pattern : patterns) {
      if (PatternMatches(pattern, path)) expected.push_back(pattern);
    }
    std::vector<std::string> found;
    for (void* value : index.Find(path)) found.push_back(*static_cast<std::string*>(value));
    EXPECT_THAT(found, ::testing::UnorderedElementsAreArray(expected)) << path;
  }
}

TEST(PatternIndex, WhatIsRemovedIsNotFound) {
  int first;
  int second;
  PatternIndex index;
  index.Add("a/*", &first);
  index.Add("a/*", &second);
  index.Remove("a/*", &first);
  EXPECT_THAT(index.Find("a/b"), UnorderedElementsAre(&second));
  index.Remove("a/*", &second);
  EXPECT_TRUE(index.empty());
  EXPECT_THAT(index.Find("a/b"), UnorderedElementsAre());
}

TEST(PatternIndex, ManyWildcardsDoNotExplode) {
  int value;
  PatternIndex index;
  std::string pattern = "x";
  std::string path = "y";
  for (int i = 0; i < 60; ++i) pattern = "**/" + pattern;
  for (int i = 0; i < 500; ++i) path = "s/" + path;
  index.Add(pattern, &value);
  EXPECT_THAT(index.Find(path), UnorderedElementsAre());
}

}  // namespace
}  // namespace ds

#include "base/glob.h"

#include "gtest/gtest.h"

namespace ds {
namespace {

TEST(Glob, AStarStaysInItsSegment) {
  EXPECT_TRUE(GlobMatches("events/*", "events/a"));
  EXPECT_TRUE(GlobMatches("events/*-x", "events/a-x"));
  EXPECT_FALSE(GlobMatches("events/*", "events/a/b"));
  EXPECT_FALSE(GlobMatches("events/*", "other/a"));
}

TEST(Glob, TwoStarsCrossSegments) {
  EXPECT_TRUE(GlobMatches("events/**", "events/a/b"));
  EXPECT_TRUE(GlobMatches("**", "anything/at/all"));
  EXPECT_TRUE(GlobMatches("a/**/z", "a/b/c/z"));
  EXPECT_FALSE(GlobMatches("a/**/z", "a/b/c"));
}

TEST(Glob, WithoutStarsItIsEquality) {
  EXPECT_TRUE(GlobMatches("a/b", "a/b"));
  EXPECT_FALSE(GlobMatches("a/b", "a/bc"));
}

}  // namespace
}  // namespace ds

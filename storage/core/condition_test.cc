#include "storage/core/condition.h"

#include "gtest/gtest.h"

namespace ds {
namespace {

const StreamVersion kCurrent{7, {7, 100}, false};

bool MatchHolds(VersionTags tags, const std::optional<StreamVersion>& current = kCurrent) {
  return Holds({.match = std::move(tags)}, current);
}
bool NoneMatchHolds(VersionTags tags, const std::optional<StreamVersion>& current = kCurrent) {
  return Holds({.none_match = std::move(tags)}, current);
}

TEST(Condition, WithoutAnyItHolds) {
  EXPECT_TRUE(Holds({}, kCurrent));
  EXPECT_TRUE(Holds({}, std::nullopt));
}

TEST(Condition, ATagNamesOneState) {
  EXPECT_TRUE(MatchHolds({.tags = {{7, {7, 100}, false}}}));
  EXPECT_FALSE(MatchHolds({.tags = {{7, {7, 99}, false}}}));
  EXPECT_FALSE(MatchHolds({.tags = {{7, {6, 100}, false}}}));
  EXPECT_FALSE(MatchHolds({.tags = {{8, {7, 100}, false}}}));
  EXPECT_FALSE(MatchHolds({.tags = {{7, {7, 100}, true}}}));
}

TEST(Condition, ATailAloneMayBeOpenOrClosedAndOfAnyIncarnation) {
  const VersionTags tags{.tags = {{.tail = {7, 100}}}};
  EXPECT_TRUE(MatchHolds(tags));
  EXPECT_TRUE(MatchHolds(tags, StreamVersion{9, {7, 100}, true}));
  EXPECT_FALSE(MatchHolds(tags, StreamVersion{7, {7, 101}, false}));
}

TEST(Condition, OneOfSeveralTagsIsEnoughAndNoneIsNot) {
  EXPECT_TRUE(MatchHolds({.tags = {{.tail = {1, 1}}, {.tail = {7, 100}}}}));
  EXPECT_FALSE(MatchHolds({.tags = {{.tail = {1, 1}}, {.tail = {2, 2}}}}));
  EXPECT_FALSE(MatchHolds({}));
}

TEST(Condition, AnyIsAnyStreamThatIsThere) {
  EXPECT_TRUE(MatchHolds({.any = true}));
  EXPECT_FALSE(MatchHolds({.any = true}, std::nullopt));
  EXPECT_FALSE(NoneMatchHolds({.any = true}));
  EXPECT_TRUE(NoneMatchHolds({.any = true}, std::nullopt));
}

TEST(Condition, NoneMatchIsTheOpposite) {
  EXPECT_FALSE(NoneMatchHolds({.tags = {{.tail = {1, 1}}, {7, {7, 100}, false}}}));
  EXPECT_TRUE(NoneMatchHolds({.tags = {{.tail = {1, 1}}}}));
  EXPECT_TRUE(NoneMatchHolds({}));
  EXPECT_TRUE(NoneMatchHolds({.tags = {{.tail = {7, 100}}}}, std::nullopt));
}

TEST(Condition, BothHaveToHold) {
  const VersionTags current{.tags = {{.tail = {7, 100}}}};
  const VersionTags other{.tags = {{.tail = {7, 50}}}};
  EXPECT_TRUE(Holds({.match = current, .none_match = other}, kCurrent));
  EXPECT_FALSE(Holds({.match = current, .none_match = current}, kCurrent));
  EXPECT_FALSE(Holds({.match = other, .none_match = other}, kCurrent));
}

}  // namespace
}  // namespace ds

#include "storage/core/lineage.h"

#include "gtest/gtest.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

ErrorCode ErrorOf(const Lineage& lineage, Offset offset, uint64_t tail) {
  uint64_t position;
  return GetErrorCode(lineage.Resolve(offset, tail, position));
}

bool Resolves(const Lineage& lineage, Offset offset, uint64_t tail) {
  uint64_t position;
  return lineage.Resolve(offset, tail, position).ok() && position == offset.position;
}

TEST(Lineage, AForkHandsOutItsSourcesOffsetsUpToTheForkPoint) {
  const Lineage fork = Lineage(1).ForkAt(10, 2);
  EXPECT_EQ(fork.OffsetAt(0), (Offset{1, 0}));
  EXPECT_EQ(fork.OffsetAt(10), (Offset{1, 10}));
  EXPECT_EQ(fork.OffsetAt(11), (Offset{2, 11}));
}

TEST(Lineage, ReadsAreStitchedAlongTheChain) {
  const Lineage chain = Lineage(1).ForkAt(10, 2).ForkAt(15, 3);
  EXPECT_EQ(chain.Slice(5, 20), (std::vector<Segment>{{1, 5, 10}, {2, 10, 15}, {3, 15, 20}}));
  EXPECT_EQ(chain.Slice(15, 15), std::vector<Segment>{});
}

TEST(Lineage, AForkOfAForkBeforeItsBaseSharesOnlyTheAncestor) {
  const Lineage early = Lineage(1).ForkAt(10, 2).ForkAt(4, 3);
  EXPECT_EQ(early.Slice(0, 6), (std::vector<Segment>{{1, 0, 4}, {3, 4, 6}}));
  EXPECT_EQ(early.OffsetAt(4), (Offset{1, 4}));
}

TEST(Lineage, AForkOfAnEmptyStreamKeepsItsFirstOffset) {
  const Lineage fork = Lineage(1).ForkAt(0, 2).ForkAt(0, 3);
  EXPECT_EQ(fork.OffsetAt(0), (Offset{1, 0}));
  EXPECT_EQ(fork.OffsetAt(1), (Offset{3, 1}));
  EXPECT_EQ(fork.Slice(0, 1), (std::vector<Segment>{{3, 0, 1}}));
}

TEST(Lineage, TellsGoneFromInvalid) {
  const Lineage fork = Lineage(4).ForkAt(10, 7);
  EXPECT_TRUE(Resolves(fork, {4, 10}, 20));
  EXPECT_TRUE(Resolves(fork, {7, 20}, 20));
  EXPECT_TRUE(Resolves(fork, {0, 0}, 20));
  EXPECT_EQ(ErrorOf(fork, {7, 21}, 20), ErrorCode::kInvalidOffset);
  EXPECT_EQ(ErrorOf(fork, {4, 11}, 20), ErrorCode::kInvalidOffset);
  EXPECT_EQ(ErrorOf(fork, {0, 1}, 20), ErrorCode::kInvalidOffset);
  EXPECT_EQ(ErrorOf(fork, {8, 0}, 20), ErrorCode::kInvalidOffset);
  EXPECT_EQ(ErrorOf(fork, {3, 5}, 20), ErrorCode::kOffsetGone);
}

TEST(Lineage, AStreamThatGoesOnAfterALossKeepsWhatIsLeft) {
  const Lineage cut = Lineage(4).ContinueAt(10, 9);
  EXPECT_EQ(cut.stream_id(), 4u);
  EXPECT_EQ(cut.OffsetAt(10), (Offset{4, 10}));
  EXPECT_EQ(cut.OffsetAt(11), (Offset{9, 11}));
  EXPECT_TRUE(Resolves(cut, {4, 10}, 20));
  EXPECT_TRUE(Resolves(cut, {9, 20}, 20));
  // What was handed out before the loss, at a place that has other bytes now.
  EXPECT_EQ(ErrorOf(cut, {4, 15}, 20), ErrorCode::kOffsetGone);
  EXPECT_EQ(cut.own_begin(), 0u);
  for (const Segment& segment : cut.Slice(5, 20)) EXPECT_EQ(segment.stream_id, 4u);
}

TEST(Lineage, OffsetsBeyondACutAreGoneBeforeAnythingIsAppended) {
  Lineage lineage(4);
  EXPECT_EQ(ErrorOf(lineage, {4, 11}, 10), ErrorCode::kInvalidOffset);
  lineage.MarkCut();
  EXPECT_EQ(ErrorOf(lineage, {4, 11}, 10), ErrorCode::kOffsetGone);
  EXPECT_TRUE(Resolves(lineage, {4, 10}, 10));
}

TEST(Lineage, StreamsAreCutAgainAndForkedAcrossCuts) {
  const Lineage twice = Lineage(4).ForkAt(3, 5).ContinueAt(10, 9).ContinueAt(15, 12);
  EXPECT_EQ(twice.OffsetAt(3), (Offset{4, 3}));
  EXPECT_EQ(twice.OffsetAt(10), (Offset{5, 10}));
  EXPECT_EQ(twice.OffsetAt(15), (Offset{9, 15}));
  EXPECT_EQ(twice.OffsetAt(16), (Offset{12, 16}));
  EXPECT_EQ(twice.own_begin(), 3u);
  const Lineage fork = twice.ForkAt(12, 20);
  EXPECT_EQ(fork.OffsetAt(12), (Offset{9, 12}));
  EXPECT_EQ(fork.OffsetAt(13), (Offset{20, 13}));
  EXPECT_EQ(ErrorOf(fork, {5, 11}, 14), ErrorCode::kOffsetGone);
  EXPECT_EQ(ErrorOf(fork, {9, 13}, 14), ErrorCode::kInvalidOffset) << "the source has it, still";
}

TEST(Lineage, AnEmptyStreamThatGoesOnKeepsItsFirstOffset) {
  const Lineage cut = Lineage(4).ContinueAt(0, 9);
  EXPECT_EQ(cut.OffsetAt(0), (Offset{4, 0}));
  EXPECT_EQ(cut.OffsetAt(1), (Offset{9, 1}));
  EXPECT_EQ(ErrorOf(cut, {4, 1}, 5), ErrorCode::kOffsetGone);
}

}  // namespace
}  // namespace ds

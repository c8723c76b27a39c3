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

}  // namespace
}  // namespace ds

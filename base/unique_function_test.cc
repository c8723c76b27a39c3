#include "base/unique_function.h"

#include <array>
#include <memory>
#include <utility>

#include "gtest/gtest.h"

namespace ds {
namespace {

// Small callables stand inside the object, large ones on the heap; both must behave alike.
template <typename Filler>
struct Counted {
  std::shared_ptr<int> alive = std::make_shared<int>(0);
  Filler filler{};
  int operator()(int x) { return x + ++*alive; }
};
template <typename Filler>
class UniqueFunctionTest : public testing::Test {};
using Fillers = testing::Types<char, std::array<char, 200>>;
TYPED_TEST_SUITE(UniqueFunctionTest, Fillers);

TYPED_TEST(UniqueFunctionTest, CallsKeepsMovesAndDestroysWhatItHolds) {
  Counted<TypeParam> counted;
  const std::weak_ptr<int> alive = counted.alive;
  UniqueFunction<int(int)> function(std::move(counted));
  EXPECT_EQ(function(10), 11);
  UniqueFunction<int(int)> moved(std::move(function));
  EXPECT_FALSE(function);
  EXPECT_EQ(moved(10), 12);
  UniqueFunction<int(int)> assigned([](int) { return 0; });
  assigned = std::move(moved);
  EXPECT_EQ(assigned(10), 13);
  EXPECT_EQ(alive.use_count(), 1);
  assigned = {};
  EXPECT_FALSE(assigned);
  EXPECT_TRUE(alive.expired());
}

TEST(UniqueFunction, TakesWhatCannotBeCopied) {
  UniqueFunction<int(std::unique_ptr<int>)> function(
      [held = std::make_unique<int>(1)](std::unique_ptr<int> given) { return *held + *given; });
  EXPECT_EQ(function(std::make_unique<int>(2)), 3);
}

}  // namespace
}  // namespace ds

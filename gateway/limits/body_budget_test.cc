#include "gateway/limits/body_budget.h"

#include <list>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ds {
namespace {

using Refusal = BodyBudget::Refusal;

class BodyBudgetTest : public testing::Test {
 protected:
  void SetUp() override { budget_.Configure({.max_bytes = 1'200}); }

  // Bodies of one client of 10 bytes each, until one is refused; how many bytes they have.
  uint64_t TakeAll(const std::string& address, const std::string& principal = "") {
    uint64_t taken = 0;
    while (true) {
      BodyBudget::Hold& hold = holds_.emplace_back(budget_);
      hold.Own({address, principal});
      last_ = hold.Grow(10);
      if (last_ != Refusal::kNone) {
        holds_.pop_back();
        return taken;
      }
      taken += 10;
    }
  }

  BodyBudget budget_;
  std::list<BodyBudget::Hold> holds_;
  Refusal last_ = Refusal::kNone;
};

TEST_F(BodyBudgetTest, TogetherTheyHaveNoMoreThanThereIs) {
  BodyBudget::Hold one(budget_);
  BodyBudget::Hold two(budget_);
  EXPECT_EQ(one.Grow(700), Refusal::kNone);
  EXPECT_EQ(two.Grow(600), Refusal::kFull);
  EXPECT_EQ(two.Grow(500), Refusal::kNone);
  EXPECT_EQ(budget_.bytes(), 1'200u);
  one.Release();
  EXPECT_EQ(budget_.bytes(), 500u);
  EXPECT_EQ(two.Grow(600), Refusal::kNone);
  // Less than it has takes nothing and gives nothing back.
  EXPECT_EQ(two.Grow(10), Refusal::kNone);
  EXPECT_EQ(budget_.bytes(), 600u);
  EXPECT_EQ(budget_.refusals(Refusal::kFull), 1u);
}

TEST_F(BodyBudgetTest, OneClientHasHalfAtMost) {
  EXPECT_EQ(TakeAll("a"), 600u);
  EXPECT_EQ(last_, Refusal::kClient);
  BodyBudget::Hold other(budget_);
  other.Own({"b", ""});
  EXPECT_EQ(other.Grow(400), Refusal::kNone);
}

TEST_F(BodyBudgetTest, APrincipalIsOneClientWhereverItCallsFrom) {
  uint64_t taken = 0;
  for (int i = 0; i < 100; ++i) taken += TakeAll("address " + std::to_string(i), "p");
  EXPECT_EQ(taken, 600u);
}

TEST_F(BodyBudgetTest, AnAddressIsOneClientWhoeverItSaysItIs) {
  uint64_t taken = 0;
  for (int i = 0; i < 100; ++i) taken += TakeAll("a", "p" + std::to_string(i));
  EXPECT_EQ(taken, 600u);
}

TEST_F(BodyBudgetTest, ManyThatWantEverythingLeaveRoomForOneMore) {
  for (const char* const client : {"a", "b", "c", "d"}) {
    TakeAll(client);
    // As sweeps do with bodies that stand still.
    holds_.remove_if([](const BodyBudget::Hold& hold) { return hold.IsInTheWay(); });
  }
  EXPECT_LE(budget_.bytes(), 960u);
  BodyBudget::Hold newcomer(budget_);
  newcomer.Own({"e", ""});
  EXPECT_EQ(newcomer.Grow(200), Refusal::kNone);
}

TEST_F(BodyBudgetTest, WhoHasMoreThanItsPartIsInTheWayOnceItIsCrowded) {
  BodyBudget::Hold large(budget_);
  large.Own({"a", ""});
  EXPECT_EQ(large.Grow(590), Refusal::kNone);
  EXPECT_FALSE(large.IsInTheWay());
  BodyBudget::Hold small(budget_);
  small.Own({"b", ""});
  EXPECT_EQ(small.Grow(310), Refusal::kNone);
  BodyBudget::Hold third(budget_);
  third.Own({"c", ""});
  EXPECT_EQ(third.Grow(10), Refusal::kNone);
  EXPECT_TRUE(large.IsInTheWay());
  EXPECT_FALSE(third.IsInTheWay());
  EXPECT_EQ(large.Grow(595), Refusal::kCrowded);
  EXPECT_EQ(third.Grow(250), Refusal::kNone);
  large.Release();
  EXPECT_FALSE(small.IsInTheWay());
}

TEST_F(BodyBudgetTest, WhatABodyHasCountsForItsOwnerFromThenOn) {
  BodyBudget::Hold hold(budget_);
  EXPECT_EQ(hold.Grow(500), Refusal::kNone);
  hold.Own({"a", ""});
  EXPECT_EQ(TakeAll("a"), 100u);
}

TEST_F(BodyBudgetTest, ClientsAreForgottenWithTheirLastBody) {
  TakeAll("a");
  TakeAll("b", "p");
  EXPECT_EQ(budget_.clients(), 2u);
  holds_.clear();
  EXPECT_EQ(budget_.clients(), 0u);
  EXPECT_EQ(budget_.bytes(), 0u);
  EXPECT_EQ(TakeAll("a"), 600u);
}

TEST_F(BodyBudgetTest, ManyThreadsLeaveNothingBehind) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      for (int round = 0; round < 2'000; ++round) {
        BodyBudget::Hold hold(budget_);
        hold.Own({std::to_string((i + round) % 3), "p"});
        (void)hold.Grow(static_cast<uint64_t>(round % 400));
        (void)hold.IsInTheWay();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(budget_.bytes(), 0u);
  EXPECT_EQ(budget_.clients(), 0u);
}

}  // namespace
}  // namespace ds

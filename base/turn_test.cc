#include "base/turn.h"

#include <string>

#include "gtest/gtest.h"

namespace ds {
namespace {

TEST(Turn, PutsOffToItsEndInOrder) {
  std::string log;
  {
    const Turn turn;
    Turn::AtEnd([&] { log += "b"; });
    Turn::AtEnd([&] { log += "c"; });
    log += "a";
  }
  EXPECT_EQ(log, "abc");
}

TEST(Turn, OutsideOfATurnNothingIsPutOff) {
  std::string log;
  Turn::AtEnd([&] { log += "a"; });
  log += "b";
  EXPECT_EQ(log, "ab");
}

TEST(Turn, WhatIsPutOffMayWorkWithoutATurn) {
  std::string log;
  {
    const Turn turn;
    Turn::AtEnd([&] {
      Turn::AtEnd([&] { log += "a"; });
      log += "b";
    });
  }
  EXPECT_EQ(log, "ab");
}

}  // namespace
}  // namespace ds

#include "base/bounded_json.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ds {
namespace {

const JsonBounds kSmall{.max_bytes = 100, .max_depth = 3, .max_values = 10};

bool IsTaken(const std::string& text) { return !ParseBoundedJson(text, kSmall).is_discarded(); }

TEST(BoundedJsonTest, WhatKeepsTheBoundsIsParsed) {
  EXPECT_EQ(ParseBoundedJson(R"({"a":[1,{"b":"c"}]})", kSmall)["a"][1]["b"], "c");
  EXPECT_TRUE(IsTaken("null"));
  EXPECT_TRUE(IsTaken("\"" + std::string(98, 'x') + "\""));
}

TEST(BoundedJsonTest, TextsThatAreTooLongAreNot) {
  EXPECT_FALSE(IsTaken("\"" + std::string(99, 'x') + "\""));
}

TEST(BoundedJsonTest, DepthIsBounded) {
  EXPECT_TRUE(IsTaken("[[[]]]"));
  EXPECT_FALSE(IsTaken("[[[[]]]]"));
  EXPECT_FALSE(IsTaken(R"({"a":{"b":[{}]}})"));
  // One after the other is not one in the other.
  EXPECT_TRUE(IsTaken("[[[]],[[]],[]]"));
}

TEST(BoundedJsonTest, TheNumberOfValuesIsBounded) {
  EXPECT_TRUE(IsTaken("[1,2,3,4,5,6,7,8,9]"));
  EXPECT_FALSE(IsTaken("[1,2,3,4,5,6,7,8,9,10]"));
  EXPECT_FALSE(IsTaken(R"({"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":0})"));
}

TEST(BoundedJsonTest, WhatStandsInAStringDoesNotCount) {
  EXPECT_TRUE(IsTaken(R"(["[[[[[[","{{{{{{",",,,,,,,,,,,,","\"[[[[[[","\\"])"));
  // The string ends before the brackets, whatever it looks like.
  EXPECT_FALSE(IsTaken(R"(["\\",[[[[[]]]]]])"));
}

TEST(BoundedJsonTest, WhatIsNoJsonIsDiscarded) {
  for (const char* const text : {"", "[", "}", "]]]]", "{\"a\"}", "[1,]", "\"", "nul", "1 2"}) {
    EXPECT_FALSE(IsTaken(text)) << text;
  }
}

TEST(BoundedJsonTest, OfEqualNamesTheLastCounts) {
  EXPECT_EQ(ParseBoundedJson(R"({"a":1,"a":2})", kSmall)["a"], 2);
}

TEST(BoundedJsonTest, ABombCostsNoMoreThanAScan) {
  const std::string bomb(64u << 20, '[');
  EXPECT_FALSE(KeepsJsonBounds(bomb, {}));
  EXPECT_FALSE(KeepsJsonBounds(bomb, {.max_bytes = bomb.size()}));
}

}  // namespace
}  // namespace ds

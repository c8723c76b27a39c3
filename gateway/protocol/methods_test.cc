#include "gateway/protocol/methods.h"

#include "gtest/gtest.h"

namespace ds {
namespace {

TEST(Methods, EachResourceHasItsOwn) {
  EXPECT_EQ(AllowedMethods("a/b"), kAllMethods);
  EXPECT_EQ(AllowedMethods(""), kAllMethods);
  EXPECT_EQ(AllowedMethods("__registry__"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(AllowedMethods("__ds/jwks.json"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(AllowedMethods("__ds/subscriptions/s"), "GET, HEAD, PUT, DELETE, OPTIONS");
  EXPECT_EQ(AllowedMethods("__ds/subscriptions/s/streams/a"), "DELETE, OPTIONS");
  for (const char* call : {"streams", "callback", "claim", "ack", "release"}) {
    EXPECT_EQ(AllowedMethods(std::string("__ds/subscriptions/s/") + call), "POST, OPTIONS") << call;
  }
  EXPECT_EQ(AllowedMethods("__ds/nothing"), "OPTIONS");
}

TEST(Methods, KnownOnesAreThoseOfTheStandards) {
  EXPECT_TRUE(IsKnownMethod("GET"));
  EXPECT_TRUE(IsKnownMethod("PATCH"));
  EXPECT_FALSE(IsKnownMethod("get"));
  EXPECT_FALSE(IsKnownMethod("BREW"));
  EXPECT_FALSE(IsKnownMethod(""));
}

}  // namespace
}  // namespace ds

#include "gateway/protocol/methods.h"

#include "gtest/gtest.h"

namespace ds {
namespace {

std::string_view AllowedAt(const std::string& path) {
  return AllowedMethods(*StreamPath::Parse(path));
}

TEST(Methods, EachResourceHasItsOwn) {
  EXPECT_EQ(AllowedAt("a/b"), kAllMethods);
  EXPECT_EQ(AllowedMethods(StreamPath()), kAllMethods);
  EXPECT_EQ(AllowedAt("__registry__"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(AllowedAt("__ds/jwks.json"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(AllowedAt("__ds/subscriptions/s"), "GET, HEAD, PUT, DELETE, OPTIONS");
  EXPECT_EQ(AllowedAt("__ds/subscriptions/s/streams/a"), "DELETE, OPTIONS");
  for (const char* call : {"streams", "callback", "claim", "ack", "release"}) {
    EXPECT_EQ(AllowedAt(std::string("__ds/subscriptions/s/") + call), "POST, OPTIONS") << call;
  }
  EXPECT_EQ(AllowedAt("__ds/nothing"), "OPTIONS");
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

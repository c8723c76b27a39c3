#include "gateway/handlers/cross_site.h"

#include <string_view>
#include <utility>
#include <vector>

#include "gateway/handlers/request_for_test.h"
#include "gtest/gtest.h"

namespace ds {
namespace {

using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

RequestForTest Make(std::string_view method, Headers headers) {
  headers.emplace_back("Host", "streams.example:8443");
  return RequestForTest(method, headers);
}

class CrossSiteTest : public ::testing::Test {
 protected:
  bool Passes(std::string_view method, Headers headers, bool needs_origin = true) {
    return check_.Passes(Make(method, std::move(headers)).request, needs_origin);
  }

  CrossSiteCheck check_{{"https://app.example"}, "https://public.example"};
};

TEST_F(CrossSiteTest, WhatChangesNothingPasses) {
  for (const std::string_view method : {"GET", "HEAD", "OPTIONS"}) {
    EXPECT_TRUE(Passes(method, {{"Origin", "https://evil.example"}}));
    EXPECT_TRUE(Passes(method, {{"Sec-Fetch-Site", "cross-site"}}));
  }
}

TEST_F(CrossSiteTest, PagesThatAreTrustedPass) {
  for (const std::string_view method : {"POST", "PUT", "DELETE"}) {
    EXPECT_TRUE(Passes(method, {{"Origin", "https://app.example"}}));
    EXPECT_TRUE(Passes(method, {{"Origin", "https://public.example"}}));
    EXPECT_TRUE(Passes(method, {{"Origin", "https://streams.example:8443"}}));
    EXPECT_TRUE(Passes(method, {{"Sec-Fetch-Site", "same-origin"}}));
    EXPECT_TRUE(Passes(method, {{"Sec-Fetch-Site", "none"}}));
    EXPECT_TRUE(
        Passes(method, {{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://app.example"}}));
  }
}

TEST_F(CrossSiteTest, OtherPagesDoNot) {
  for (const std::string_view origin :
       {"https://evil.example", "null", "", "https://streams.example", "https://app.example:444",
        "http://app.example", "https://app.example.evil.example"}) {
    EXPECT_FALSE(Passes("POST", {{"Origin", origin}})) << origin;
  }
  EXPECT_FALSE(Passes("POST", {{"Sec-Fetch-Site", "cross-site"}}));
  EXPECT_FALSE(Passes("POST", {{"Sec-Fetch-Site", "same-site"}}));
  // The browser knows better than the names of hosts do.
  EXPECT_FALSE(Passes(
      "POST", {{"Sec-Fetch-Site", "cross-site"}, {"Origin", "http://streams.example:8443"}}));
}

TEST(CrossSiteCheckTest, TheServersOwnUrlIsComparedAsBrowsersWriteOrigins) {
  const CrossSiteCheck check({}, "https://Public.example:443/base");
  EXPECT_TRUE(check.Passes(Make("POST", {{"Origin", "https://public.example"}}).request, true));
  EXPECT_FALSE(check.Passes(Make("POST", {{"Origin", "http://public.example"}}).request, true));
  EXPECT_FALSE(CrossSiteCheck({}, "").Passes(Make("POST", {{"Origin", "null"}}).request, true));
}

TEST_F(CrossSiteTest, WhoSaysNothingIsJudgedByWhatItCarries) {
  EXPECT_FALSE(Passes("POST", {}, /*needs_origin=*/true));
  EXPECT_TRUE(Passes("POST", {}, /*needs_origin=*/false));
  EXPECT_FALSE(CrossSiteCheck({}, "").Passes(Make("POST", {{"Origin", ""}}).request, false));
}

}  // namespace
}  // namespace ds

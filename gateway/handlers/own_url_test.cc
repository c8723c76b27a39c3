#include "gateway/handlers/own_url.h"

#include "gtest/gtest.h"

namespace ds {
namespace {

constexpr char kPath[] = "/v1/stream/a?b#c";

TEST(OwnUrl, APathIsThisServers) {
  for (const char* path :
       {kPath, "", "a", "a:b", "/", "a/b", "/x://y", "/a//b", "?x://y", "mailto:x", "://h/a"}) {
    EXPECT_EQ(OwnPath(path, {.authority = "h"}), path);
  }
}

TEST(OwnUrl, AUrlOfTheRequestsAuthorityIsThisServers) {
  for (const char* url : {"http://h:4437/v1/stream/a?b#c", "HTTP://H:4437/v1/stream/a?b#c",
                          "https://h:4437/v1/stream/a?b#c", "//h:4437/v1/stream/a?b#c"}) {
    EXPECT_EQ(OwnPath(url, {.authority = "h:4437"}), kPath) << url;
  }
  EXPECT_EQ(OwnPath("http://h:80/v1/stream/a?b#c", {.authority = "h"}), kPath);
  EXPECT_EQ(OwnPath("http://[::1]:4437/v1/stream/a?b#c", {.authority = "[::1]:4437"}), kPath);
  EXPECT_EQ(OwnPath("http://h", {.authority = "h"}), "");
}

TEST(OwnUrl, BehindAProxyThatSpeaksTlsTheSchemeIsNotKnown) {
  EXPECT_EQ(OwnPath("https://h/v1/stream/a?b#c", {.authority = "h"}), kPath);
  EXPECT_EQ(OwnPath("https://h:443/v1/stream/a?b#c", {.authority = "h"}), kPath);
  EXPECT_FALSE(OwnPath("http://h:443/v1/stream/a", {.authority = "h"}));
}

TEST(OwnUrl, WithTlsItIsKnown) {
  EXPECT_EQ(OwnPath("https://h/v1/stream/a?b#c", {.authority = "h", .secure = true}), kPath);
  EXPECT_EQ(OwnPath("//h:443/v1/stream/a?b#c", {.authority = "h", .secure = true}), kPath);
  EXPECT_FALSE(OwnPath("http://h/v1/stream/a", {.authority = "h", .secure = true}));
}

TEST(OwnUrl, AnythingElseIsAnotherServers) {
  for (const char* url :
       {"http://other/v1/stream/a", "http://h:4438/v1/stream/a", "http://h/v1/stream/a",
        "//other/v1/stream/a", "ftp://h:4437/v1/stream/a", "ws://h:4437/v1/stream/a",
        "http://user@h:4437/v1/stream/a", "http://h:4437@other/v1/stream/a", "http:///v1/stream/a",
        "///v1/stream/a", "http://h:4437.other/v1/stream/a", "http://h:44370/v1/stream/a",
        "http://h\\:4437/v1/stream/a"}) {
    EXPECT_FALSE(OwnPath(url, {.authority = "h:4437"})) << url;
  }
  EXPECT_FALSE(OwnPath("http://h/v1/stream/a", {}));
}

TEST(OwnUrl, ThePublicUrlIsThisServersToo) {
  const OwnNames names{.authority = "inside:4437", .public_url = "https://Outside.example"};
  EXPECT_EQ(OwnPath("https://outside.example:443/v1/stream/a?b#c", names), kPath);
  EXPECT_EQ(OwnPath("http://inside:4437/v1/stream/a?b#c", names), kPath);
  EXPECT_FALSE(OwnPath("http://outside.example/v1/stream/a", names));
  const OwnNames below{.authority = "inside", .public_url = "https://outside.example/base"};
  EXPECT_EQ(OwnPath("https://outside.example/base/v1/stream/a?b#c", below), kPath);
  EXPECT_FALSE(OwnPath("https://outside.example/v1/stream/a", below));
}

}  // namespace
}  // namespace ds

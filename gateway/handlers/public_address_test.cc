#include "gateway/handlers/public_address.h"

#include <string>
#include <vector>

#include "gateway/handlers/request_for_test.h"
#include "gtest/gtest.h"

namespace ds {
namespace {

RequestForTest For(std::string_view host) {
  if (host.empty()) return RequestForTest("GET", {});
  return RequestForTest("GET", {{"Host", host}});
}

TEST(PublicAddressTest, MatchesHostsAsTheyAreWritten) {
  EXPECT_TRUE(HostMatches("a.example", "a.example"));
  EXPECT_TRUE(HostMatches("a.example", "A.Example:8080"));
  EXPECT_TRUE(HostMatches("a.example:8080", "a.example:8080"));
  EXPECT_TRUE(HostMatches("*.example", "a.example"));
  EXPECT_TRUE(HostMatches("*.example", "a.b.example:1"));
  EXPECT_TRUE(HostMatches("[::1]", "[::1]:4437"));
  EXPECT_TRUE(HostMatches("[::1]:4437", "[::1]:4437"));
  EXPECT_FALSE(HostMatches("a.example:8080", "a.example"));
  EXPECT_FALSE(HostMatches("a.example:8080", "a.example:80"));
  EXPECT_FALSE(HostMatches("*.example", "example"));
  EXPECT_FALSE(HostMatches("*.example", ".example"));
  EXPECT_FALSE(HostMatches("*.example", "aexample"));
  EXPECT_FALSE(HostMatches("a.example", "a.example.evil"));
  EXPECT_FALSE(HostMatches("a.example", ""));
  EXPECT_FALSE(HostMatches("[::1]", "[::2]"));
}

TEST(PublicAddressTest, ServesOnlyTheHostsThatAreListed) {
  const PublicAddress any({}, /*guarded=*/true);
  EXPECT_TRUE(any.Serves(For("whatever").request));
  EXPECT_TRUE(any.Serves(For("").request));
  const PublicAddress some({.allowed_hosts = {"a.example", "b.example:1"}}, /*guarded=*/false);
  EXPECT_TRUE(some.Serves(For("a.example:5").request));
  EXPECT_TRUE(some.Serves(For("b.example:1").request));
  EXPECT_FALSE(some.Serves(For("b.example:2").request));
  EXPECT_FALSE(some.Serves(For("").request));
}

TEST(PublicAddressTest, TakesTheClientsWordOnlyWhereNobodyIsToldApart) {
  EXPECT_EQ(PublicAddress({}, false).OriginUrl(For("h:1").request), "http://h:1");
  EXPECT_EQ(PublicAddress({}, false).OriginUrl(For("").request), std::nullopt);
  EXPECT_EQ(PublicAddress({}, true).OriginUrl(For("h:1").request), std::nullopt);
  EXPECT_EQ(PublicAddress({.allowed_hosts = {"h"}}, true).OriginUrl(For("h:1").request),
            "http://h:1");
  const PublicAddress known({.url = "https://streams.example"}, true);
  EXPECT_EQ(known.OriginUrl(For("h:1").request), "https://streams.example");
  EXPECT_EQ(known.OriginUrl(For("").request), "https://streams.example");
  RequestForTest secure = For("h");
  secure.request.secure = true;
  EXPECT_EQ(PublicAddress({}, false).OriginUrl(secure.request), "https://h");
}

TEST(PublicAddressTest, ChecksWhatIsConfigured) {
  const auto check = [](const std::string& host) {
    return CheckPublicAddress({.allowed_hosts = {host}}).ok();
  };
  for (const char* const host : {"a", "a.example:80", "*.example", "[::1]:1", "127.0.0.1"}) {
    EXPECT_TRUE(check(host)) << host;
  }
  for (const char* const host : {"", ":80", "*", "a.*", "*a", "https://a", "a/b", "u@a", "a b"}) {
    EXPECT_FALSE(check(host)) << host;
  }
  EXPECT_FALSE(CheckPublicAddress({.url = "streams.example"}).ok());
}

}  // namespace
}  // namespace ds

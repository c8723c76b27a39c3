#include "gateway/handlers/cors.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/handlers/request_for_test.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ds {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

RequestForTest From(const Headers& headers) { return RequestForTest("GET", headers); }

std::string Answer(const Cors& cors, const RequestForTest& from) {
  http::Response response;
  response.headers = cors.common_lines();
  cors.AddTo(from.request, response);
  return response.headers;
}

std::string Preflight(const Cors& cors, const RequestForTest& from) {
  http::Response response;
  cors.AddPreflight(from.request, response);
  return response.headers;
}

TEST(CorsTest, EverybodyMayCallByDefault) {
  const Cors cors(CorsOptions{});
  EXPECT_THAT(Answer(cors, From({})), HasSubstr("Access-Control-Allow-Origin: *\r\n"));
  EXPECT_THAT(Answer(cors, From({})), HasSubstr("Access-Control-Expose-Headers: Stream-Next-"));
  EXPECT_THAT(Answer(cors, From({})), Not(HasSubstr("Vary:")));
  EXPECT_THAT(Answer(cors, From({})), Not(HasSubstr("Credentials")));
  // Everybody may call, yet no origin is trusted by name.
  EXPECT_FALSE(cors.Lists("https://a.example"));
  EXPECT_FALSE(cors.Lists("*"));
}

TEST(CorsTest, ListedOriginsAreToldTheirName) {
  const Cors cors(CorsOptions{.origins = {"https://a.example"}, .credentials = true});
  EXPECT_EQ(Answer(cors, From({})), "Vary: Origin\r\n");
  EXPECT_EQ(Answer(cors, From({{"Origin", "https://b.example"}})), "Vary: Origin\r\n");
  const std::string mine = Answer(cors, From({{"Origin", "https://a.example"}}));
  EXPECT_THAT(mine, HasSubstr("Access-Control-Allow-Origin: https://a.example\r\n"));
  EXPECT_THAT(mine, HasSubstr("Access-Control-Allow-Credentials: true\r\n"));
  EXPECT_TRUE(cors.Lists("https://a.example"));
}

TEST(CorsTest, NobodyMayCallWhereNoneAreListed) {
  const Cors cors(CorsOptions{.origins = {}});
  EXPECT_EQ(Answer(cors, From({{"Origin", "https://a.example"}})), "");
  EXPECT_EQ(Preflight(cors, From({{"Origin", "https://a.example"}})), "");
}

TEST(CorsTest, APreflightIsAllowedTheNamesItAsksFor) {
  const Cors cors(CorsOptions{});
  const auto ask = [&](std::string_view list) {
    return Preflight(cors, From({{"Access-Control-Request-Headers", list}}));
  };
  EXPECT_THAT(ask("x-a,\tx-b ,x-c"), HasSubstr("Access-Control-Allow-Headers: x-a, x-b, x-c\r\n"));
  EXPECT_THAT(ask("x-a, x b, (x), ,"), HasSubstr("Access-Control-Allow-Headers: x-a\r\n"));
  EXPECT_THAT(ask(", ,"), Not(HasSubstr("Allow-Headers")));
  EXPECT_THAT(Preflight(cors, From({})), HasSubstr("Producer-Epoch"));
  const Cors few(CorsOptions{.headers = {"X-A", "X-B"}});
  EXPECT_THAT(Preflight(few, From({{"Access-Control-Request-Headers", "x-c"}})),
              HasSubstr("Access-Control-Allow-Headers: X-A, X-B\r\n"));
}

TEST(CorsTest, ChecksWhatIsConfigured) {
  const auto check = [](std::vector<std::string> origins, bool credentials = false) {
    return CheckCors({.origins = std::move(origins), .credentials = credentials}).ok();
  };
  EXPECT_TRUE(check({}));
  EXPECT_TRUE(check({"*"}));
  EXPECT_TRUE(check({"https://a.example", "http://[::1]:3000", "app://x"}, true));
  EXPECT_FALSE(check({"*"}, true));
  EXPECT_FALSE(check({}, true));
  EXPECT_FALSE(check({"https://a.example", "*"}));
  for (const char* const origin : {"null", "", "https://", "://a", "https://a/", "https://*.a",
                                   "https://u@a", "https://A", "https://a:443", "http://a:80"}) {
    EXPECT_FALSE(check({origin})) << origin;
  }
  EXPECT_FALSE(CheckCors({.headers = {"a b"}}).ok());
}

}  // namespace
}  // namespace ds

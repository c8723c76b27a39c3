#include "gateway/http/request.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace ds::http {
namespace {

Request::Span Put(Request& request, std::string_view text) { return request.Append(text); }

TEST(Request, WhatItSaysFollowsTheHeadAsThatGrows) {
  Request request;
  request.set_method(Put(request, "POST"));
  const Request::Span name = Put(request, "A-Name");
  request.AddHeader(name, Put(request, "one"));
  const Request::Span again = Put(request, "a-name");
  // Long enough to move the buffer, more than once.
  for (int i = 0; i < 100; ++i) Put(request, std::string(1000, 'x'));
  request.AddHeader(again, Put(request, "two"));
  EXPECT_EQ(request.method(), "POST");
  EXPECT_EQ(request.Find("a-NAME"), "one");
  EXPECT_EQ(request.Count("A-Name"), 2u);
  EXPECT_EQ(request.header(1).value, "two");
  EXPECT_EQ(request.target(), "");
  EXPECT_EQ(request.authority(), "");
}

TEST(Request, TheLinesOfAListMakeOneList) {
  Request request;
  for (const auto& [name, value] :
       {std::pair("If-Match", "\"a\""), {"X", "y"}, {"if-match", "\"b\""}}) {
    const Request::Span name_span = Put(request, name);
    request.AddHeader(name_span, Put(request, value));
  }
  std::string joined;
  EXPECT_EQ(request.FindList("IF-MATCH", joined), "\"a\", \"b\"");
  EXPECT_EQ(request.FindList("x", joined), "y");
  EXPECT_EQ(request.FindList("none", joined), std::nullopt);
}

TEST(Request, LocatesOnlyWhatIsInTheHead) {
  Request request;
  const std::string elsewhere = "elsewhere";
  request.SetHead("GET /path");
  const std::string_view head = request.head();
  const auto path = request.Locate(head.substr(4));
  ASSERT_TRUE(path);
  EXPECT_EQ(request.View(*path), "/path");
  EXPECT_TRUE(request.Locate(head));
  EXPECT_TRUE(request.Locate(elsewhere.substr(0, 0)));
  EXPECT_FALSE(request.Locate(elsewhere));
  EXPECT_FALSE(request.Locate(std::string_view(head.data() + 4, 6)));
  EXPECT_FALSE(request.Locate(std::string_view(head.data() - 1, 2)));
}

TEST(Request, JoinsTheFieldsOfAName) {
  Request request;
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, const char*>>{
           {"cookie", "a=1"}, {"x", "y"}, {"Cookie", "b=2"}, {"cookie", "c=3"}}) {
    const Request::Span where = Put(request, name);
    request.AddHeader(where, Put(request, value));
  }
  request.Join("cookie", "; ");
  request.Join("x", "; ");
  request.Join("none", "; ");
  EXPECT_EQ(request.header_count(), 2u);
  EXPECT_EQ(request.Find("cookie"), "a=1; b=2; c=3");
  EXPECT_EQ(request.Find("x"), "y");
}

TEST(Request, ClearLeavesNothingOfTheOneBefore) {
  Request request;
  request.SetHead("GET /secret");
  request.set_method(*request.Locate(request.head().substr(0, 3)));
  request.set_target(*request.Locate(request.head().substr(4)));
  request.set_authority(*request.Locate(request.head().substr(4)));
  request.AddHeader({0, 3}, {4, 7});
  request.body = "body";
  request.secure = true;
  for (const bool release : {false, true}) {
    release ? request.Release() : request.Clear();
    EXPECT_EQ(request.method(), "");
    EXPECT_EQ(request.target(), "");
    EXPECT_EQ(request.authority(), "");
    EXPECT_EQ(request.header_count(), 0u);
    EXPECT_EQ(request.body, "");
    EXPECT_FALSE(request.secure);
  }
}

}  // namespace
}  // namespace ds::http

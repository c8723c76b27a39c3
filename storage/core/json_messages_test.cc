#include "storage/core/json_messages.h"

#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

std::vector<std::string> Split(std::string body) {
  std::vector<uint32_t> sizes;
  const absl::Status status = SplitJsonMessages(body, sizes);
  if (!status.ok()) return {"error"};
  std::vector<std::string> messages;
  size_t at = 0;
  for (const uint32_t size : sizes) {
    messages.push_back(body.substr(at, size));
    at += size;
  }
  EXPECT_EQ(at, body.size());
  return messages;
}

using Messages = std::vector<std::string>;

TEST(JsonMessages, FlattensExactlyOneLevel) {
  EXPECT_EQ(Split(R"({"event":"a"})"), (Messages{R"({"event":"a"})"}));
  EXPECT_EQ(Split(" [ {\"a\": 1} ,\n 2 ] "), (Messages{"{\"a\": 1}", "2"}));
  EXPECT_EQ(Split("[[1,2], [3,4]]"), (Messages{"[1,2]", "[3,4]"}));
  EXPECT_EQ(Split("[[[1,2,3]]]"), (Messages{"[[1,2,3]]"}));
  EXPECT_EQ(Split("[]"), Messages{});
}

TEST(JsonMessages, KeepsTheClientsBytes) {
  for (const char* text :
       {R"({"b":1,"a":2,"b":3})", "123456789012345678901234567890", "1e400", "-0.0E+10",
        R"("\ud800 \u0041 \/ é")", "null", "true", "{ \"spaced\" :  [ ] }", "\"\x7f\""}) {
    EXPECT_EQ(Split(text), Messages{text});
  }
}

TEST(JsonMessages, RefusesWhatTheGrammarDoesNotHave) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[1",
                           "[1,]",
                           "[,1]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{a:1}",
                           "01",
                           "1.",
                           ".5",
                           "+1",
                           "1e",
                           "nul",
                           "truefalse",
                           "\"\n\"",
                           "\"\\x\"",
                           "\"\\u12g4\"",
                           "\"",
                           "1 2",
                           "[] []",
                           "\xef\xbb\xbf{}",
                           "\"\xff\"",
                           "NaN",
                           "'a'",
                           "-",
                           "[1]]",
                           "{\"a\":1,}"}) {
    EXPECT_EQ(Split(text), Messages{"error"}) << text;
  }
  EXPECT_EQ(Split(std::string("\"\0\"", 3)), Messages{"error"});
  EXPECT_EQ(Split(std::string("\"\\\0\"", 4)), Messages{"error"});
}

TEST(JsonMessages, DepthIsLimitedAndSaysSo) {
  const auto nested = [](int depth) {
    return std::string(depth, '[') + "1" + std::string(depth, ']');
  };
  EXPECT_EQ(Split(nested(kMaxJsonDepth)).size(), 1u);
  std::string body = nested(kMaxJsonDepth + 1);
  std::vector<uint32_t> sizes;
  const absl::Status status = SplitJsonMessages(body, sizes);
  EXPECT_EQ(GetErrorCode(status), ErrorCode::kInvalidJson);
  EXPECT_NE(std::string(status.message()).find("1000 levels"), std::string::npos);
}

RC_GTEST_PROP(JsonMessages, ABatchComesApartAsItWasPutTogether, ()) {
  const auto numbers = *rc::gen::container<std::vector<int>>(rc::gen::arbitrary<int>());
  Messages expected;
  std::string body = "[";
  for (const int number : numbers) {
    if (!expected.empty()) body += *rc::gen::element<std::string>(",", " ,", ",\n\t", " , ");
    expected.push_back(*rc::gen::element<std::string>("{\"n\":", "{ \"n\" :") +
                       std::to_string(number) + "}");
    body += expected.back();
  }
  RC_ASSERT(Split(body + "]") == expected);
}

RC_GTEST_PROP(JsonMessages, ArbitraryBytesNeverBreakIt, (const std::string& text)) {
  Split(text);
  Split("[" + text + "]");
}

}  // namespace
}  // namespace ds

#include "gateway/protocol/target.h"

#include "gtest/gtest.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

constexpr char kRoot[] = "/v1/stream/";

std::optional<ErrorCode> Error(const std::string& target) {
  Target out;
  const absl::Status status = ParseTarget(target, kRoot, out);
  if (status.ok()) return std::nullopt;
  return GetErrorCode(status);
}

TEST(Target, TakesPathAndQueryApart) {
  Target target;
  ASSERT_TRUE(ParseTarget("/v1/stream/a%20b/c?offset=-1&live=sse&x&y=%3D+z", kRoot, target).ok());
  EXPECT_EQ(target.path, "a b/c");
  EXPECT_EQ(*target.Find("live"), "sse");
  EXPECT_EQ(*target.Find("x"), "");
  EXPECT_EQ(*target.Find("y"), "= z");
}

TEST(Target, EscapesNameTheSameStream) {
  Target plain, escaped;
  ASSERT_TRUE(ParseTarget("/v1/stream/a/b", kRoot, plain).ok());
  ASSERT_TRUE(ParseTarget("http://host/v1/stream/%61%2fb", kRoot, escaped).ok());
  EXPECT_EQ(plain.path, escaped.path);
}

TEST(Target, LongPathsAreFineUpToTheLimit) {
  for (const size_t size : {300, 1000, 2048}) {
    EXPECT_EQ(Error(kRoot + std::string(size, 'a')), std::nullopt);
  }
  EXPECT_EQ(Error(kRoot + std::string(2049, 'a')), ErrorCode::kInvalidPath);
}

TEST(Target, RefusesDangerousPaths) {
  for (const char* path : {"", "..", "a/../b", "%2e%2e/a", ".", "a/.", "a%00b", "a%0ab", "a%",
                           "a%2", "a%zz", "%ff%fe", "%c0%ae"}) {
    EXPECT_EQ(Error(std::string(kRoot) + path), ErrorCode::kInvalidPath) << path;
  }
  EXPECT_EQ(Error("/elsewhere"), ErrorCode::kStreamNotFound);
  EXPECT_EQ(Error("/v1/stream/a?x=%zz"), ErrorCode::kInvalidQuery);
  EXPECT_EQ(Error("/v1/stream/..a/b..c/..."), std::nullopt) << "only whole segments count";
}

TEST(Target, AQuestionMarkInAFragmentBeginsNoQuery) {
  for (const char* const text : {"/v1/stream/a#?offset=1", "/v1/stream/a#x", "/v1/stream/a?#b=c"}) {
    Target target;
    ASSERT_TRUE(ParseTarget(text, "/v1/stream/", target).ok()) << text;
    EXPECT_EQ(target.path.text(), "a");
    EXPECT_TRUE(target.query.empty()) << text;
  }
}

}  // namespace
}  // namespace ds

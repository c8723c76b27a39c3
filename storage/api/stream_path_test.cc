#include "storage/api/stream_path.h"

#include <string>

#include "gtest/gtest.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

TEST(StreamPath, IsTheTextItself) {
  for (const char* const text :
       {"a", "a/b", "a/", "/a", "a//b", "A", "..a/b..c/...", "a*b", "a%2Fb", "\xc3\xa4", " "}) {
    const absl::StatusOr<StreamPath> path = StreamPath::Parse(text);
    ASSERT_TRUE(path.ok()) << text;
    EXPECT_EQ(path->text(), text);
  }
  EXPECT_TRUE(StreamPath::Parse(std::string(StreamPath::kMaxBytes, 'a')).ok());
}

TEST(StreamPath, RefusesWhatNamesNothing) {
  for (const std::string& text :
       {std::string(), std::string("."), std::string(".."), std::string("a/../b"),
        std::string("../a"), std::string("a/."), std::string("a\0b", 3), std::string("a\nb"),
        std::string("a\r\nb"), std::string("a\x7f"), std::string("\xff\xfe"),
        std::string("\xc0\xae"), std::string(StreamPath::kMaxBytes + 1, 'a'),
        std::string(1 << 20, 'a')}) {
    const absl::StatusOr<StreamPath> path = StreamPath::Parse(text);
    ASSERT_FALSE(path.ok()) << text.substr(0, 20);
    EXPECT_EQ(GetErrorCode(path.status()), ErrorCode::kInvalidPath);
  }
}

TEST(StreamPath, InABodySlashesAtTheEndsDoNotCount) {
  for (const char* const text : {"a/b", "/a/b", "a/b/", "//a/b//"}) {
    EXPECT_EQ(*StreamPath::ParseReference(text), "a/b");
  }
  EXPECT_FALSE(StreamPath::ParseReference("//").ok());
}

TEST(StreamPath, KnowsWhatIsReserved) {
  EXPECT_TRUE(StreamPath("__ds").is_reserved());
  EXPECT_TRUE(StreamPath("__ds/subscriptions/a").is_reserved());
  EXPECT_FALSE(StreamPath("__dsa").is_reserved());
  EXPECT_FALSE(StreamPath("a/__ds").is_reserved());
}

}  // namespace
}  // namespace ds

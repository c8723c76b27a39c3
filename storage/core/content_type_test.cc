#include "storage/core/content_type.h"

#include <string>

#include "gtest/gtest.h"

namespace ds {
namespace {

TEST(ContentType, ParametersAndCaseDoNotCount) {
  EXPECT_TRUE(SameMediaType("Text/Plain; charset=utf-8", "text/plain"));
  EXPECT_FALSE(SameMediaType("text/plain", "text/html"));
}

TEST(ContentType, JsonIsExactlyApplicationJson) {
  EXPECT_TRUE(IsJson("application/json"));
  EXPECT_TRUE(IsJson("APPLICATION/JSON ; charset=utf-8"));
  EXPECT_FALSE(IsJson("application/json-seq"));
  EXPECT_FALSE(IsJson("application/ndjson"));
}

TEST(ContentType, TextNeedsNoBase64) {
  EXPECT_TRUE(IsText("text/event-log"));
  EXPECT_TRUE(IsText("application/json"));
  EXPECT_FALSE(IsText("application/ndjson"));
}

TEST(ContentType, RefusesWhatIsNoMediaType) {
  for (const std::string& bad :
       {std::string("text"), std::string("/plain"), std::string("text/"), std::string("te xt/a"),
        std::string("text/plain\r\nX: y"), std::string("a/") + std::string(300, 'b')}) {
    EXPECT_FALSE(IsValidContentType(bad)) << bad;
  }
  EXPECT_TRUE(IsValidContentType("application/vnd.example+json; v=\"1\""));
}

}  // namespace
}  // namespace ds

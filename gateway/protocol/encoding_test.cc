#include "gateway/protocol/encoding.h"

#include "gtest/gtest.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

TEST(Encoding, MessagesBecomeAnArray) {
  EXPECT_EQ(JsonArray("12\"x\"", {1, 1, 3}), "[1,2,\"x\"]");
  EXPECT_EQ(JsonArray("", {}), "[]");
}

TEST(Encoding, TheEtagChangesWithClosure) {
  ReadResult read;
  read.info.stream_id = 1;
  read.up_to_date = true;
  const std::string open = Etag(read);
  read.info.closed = true;
  EXPECT_NE(Etag(read), open);
}

TEST(Encoding, GzipOnlyWhereItPays) {
  EXPECT_LT(Gzip(std::string(10000, 'a'))->size(), 1000u);
  std::string noise;
  for (uint32_t i = 0, x = 1; i < 5000; ++i)
    noise.push_back(static_cast<char>((x = x * 1664525 + 1013904223) >> 24));
  EXPECT_FALSE(Gzip(noise));
}

TEST(Encoding, ProblemsCarryTheStableCode) {
  EXPECT_EQ(ProblemJson(MakeError(ErrorCode::kStreamClosed)),
            R"({"type":"about:blank","title":"The stream is closed","status":409,)"
            R"("code":"stream-closed"})");
  EXPECT_NE(ProblemJson(MakeError(ErrorCode::kInvalidJson, "at byte \xff\"")).find("detail"),
            std::string::npos);
}

}  // namespace
}  // namespace ds

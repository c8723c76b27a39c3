#include "gateway/protocol/encoding.h"

#include "gtest/gtest.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

TEST(Encoding, MessagesBecomeAnArray) {
  EXPECT_EQ(JsonArray("12\"x\"", {1, 1, 3}), "[1,2,\"x\"]");
  EXPECT_EQ(JsonArray("", {}), "[]");
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

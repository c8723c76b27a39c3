#include "storage/api/errors.h"

#include <set>

#include "gtest/gtest.h"

namespace ds {
namespace {

TEST(Errors, EveryCodeSurvivesTheStatus) {
  std::set<std::string_view> names;
  for (const ErrorInfo& info : AllErrors()) {
    const absl::Status status = MakeError(info.code, "detail");
    EXPECT_EQ(GetErrorCode(status), info.code);
    EXPECT_EQ(status.code(), info.status_code);
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
  }
}

TEST(Errors, TheTableCoversTheWholeEnumeration) {
  EXPECT_EQ(AllErrors().size(), static_cast<size_t>(ErrorCode::kShuttingDown) + 1);
}

TEST(Errors, AForeignStatusIsInternal) {
  EXPECT_EQ(GetErrorCode(absl::UnknownError("x")), ErrorCode::kInternal);
}

}  // namespace
}  // namespace ds

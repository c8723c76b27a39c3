#include "storage/api/errors.h"

#include <fstream>
#include <set>
#include <sstream>

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

// The line of docs/errors.md for an error.
std::string DocumentedRow(const ErrorInfo& info) {
  const char* const outcome = info.outcome == WriteOutcome::kApplied      ? "applied"
                              : info.outcome == WriteOutcome::kNotApplied ? "not applied"
                                                                          : "may have been applied";
  std::ostringstream row;
  row << "| `" << info.name << "` | " << info.http_status << " | " << info.status_code << " | "
      << info.title << " | " << outcome << " |";
  return row.str();
}

TEST(Errors, TheDocumentationHasExactlyTheTable) {
  std::ifstream file("docs/errors.md");
  ASSERT_TRUE(file.is_open());
  std::set<std::string> documented;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| `")) documented.insert(line);
  }
  std::set<std::string> expected;
  for (const ErrorInfo& info : AllErrors()) expected.insert(DocumentedRow(info));
  EXPECT_EQ(documented, expected);
}

}  // namespace
}  // namespace ds

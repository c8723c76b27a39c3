#include "gateway/handlers/field_rules.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

FieldCheck Check(const Headers& headers) {
  http::Request request;
  for (const auto& [name, value] : headers) {
    const http::Request::Span name_span = request.Append(name);
    request.AddHeader(name_span, request.Append(value));
  }
  return CheckFields(request);
}

TEST(FieldRules, DifferentValuesOfOneFieldAreRefusedWhateverTheCaseOfItsName) {
  const absl::Status status = Check({{"Stream-Seq", "1"}, {"X", "y"}, {"sTREAM-sEQ", "2"}}).status;
  EXPECT_EQ(GetErrorCode(status), ErrorCode::kInvalidHeader);
  EXPECT_EQ(status.message(), "stream-seq stands several times with different values");
}

TEST(FieldRules, TheSameValueTwiceIsTaken) {
  EXPECT_TRUE(Check({{"Producer-Id", "p"}, {"producer-id", "p"}}).status.ok());
}

TEST(FieldRules, FieldsOfDifferentNamesMayDiffer) {
  EXPECT_TRUE(Check({{"Stream-TTL", "1"}, {"Stream-Seq", "2"}, {"Producer-Seq", "3"}}).status.ok());
}

TEST(FieldRules, AnyNumberOfFieldsIsLookedAt) {
  Headers headers;
  for (int i = 0; i < 98; ++i) headers.emplace_back("Stream-" + std::to_string(i), "x");
  EXPECT_TRUE(Check(headers).status.ok());
  headers.emplace_back("Stream-97", "y");
  EXPECT_FALSE(Check(headers).status.ok());
}

TEST(FieldRules, WhatFewRequestsHaveIsNoticed) {
  const FieldCheck none = Check({{"Content-Type", "text/plain"}, {"If-Range", "x"}});
  EXPECT_FALSE(none.has_content_encoding || none.has_condition);
  for (const char* name : {"If-Match", "if-none-match", "IF-UNMODIFIED-SINCE"}) {
    EXPECT_TRUE(Check({{name, "x"}}).has_condition) << name;
  }
  EXPECT_TRUE(Check({{"content-Encoding", "gzip"}}).has_content_encoding);
}

}  // namespace
}  // namespace ds

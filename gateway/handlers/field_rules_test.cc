#include "gateway/handlers/field_rules.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

http::Request With(std::vector<http::Request::Header> headers) {
  http::Request request;
  request.headers = std::move(headers);
  return request;
}

TEST(FieldRules, DifferentValuesOfOneFieldAreRefusedWhateverTheCaseOfItsName) {
  const http::Request request = With({{"Stream-Seq", "1"}, {"X", "y"}, {"sTREAM-sEQ", "2"}});
  const absl::Status status = CheckFields(request).status;
  EXPECT_EQ(GetErrorCode(status), ErrorCode::kInvalidHeader);
  EXPECT_EQ(status.message(), "stream-seq stands several times with different values");
}

TEST(FieldRules, TheSameValueTwiceIsTaken) {
  EXPECT_TRUE(CheckFields(With({{"Producer-Id", "p"}, {"producer-id", "p"}})).status.ok());
}

TEST(FieldRules, FieldsOfDifferentNamesMayDiffer) {
  EXPECT_TRUE(CheckFields(With({{"Stream-TTL", "1"}, {"Stream-Seq", "2"}, {"Producer-Seq", "3"}}))
                  .status.ok());
}

TEST(FieldRules, AnyNumberOfFieldsIsLookedAt) {
  std::vector<std::string> names;
  for (int i = 0; i < 98; ++i) names.push_back("Stream-" + std::to_string(i));
  std::vector<http::Request::Header> headers;
  for (const std::string& name : names) headers.push_back({name, "x"});
  EXPECT_TRUE(CheckFields(With(headers)).status.ok());
  headers.push_back({names[97], "y"});
  EXPECT_FALSE(CheckFields(With(headers)).status.ok());
}

TEST(FieldRules, WhatFewRequestsHaveIsNoticed) {
  const FieldCheck none = CheckFields(With({{"Content-Type", "text/plain"}, {"If-Range", "x"}}));
  EXPECT_FALSE(none.has_content_encoding || none.has_condition);
  EXPECT_TRUE(CheckFields(With({{"content-Encoding", "gzip"}})).has_content_encoding);
  for (const char* name : {"If-Match", "if-none-match", "IF-UNMODIFIED-SINCE"}) {
    EXPECT_TRUE(CheckFields(With({{name, "x"}})).has_condition) << name;
  }
}

TEST(FieldRules, TheLinesOfAListMakeOneList) {
  const http::Request request = With({{"If-Match", "\"a\""}, {"X", "y"}, {"if-match", "\"b\""}});
  EXPECT_EQ(ListField(request, "if-match"), "\"a\", \"b\"");
  EXPECT_EQ(ListField(request, "x"), "y");
  EXPECT_EQ(ListField(request, "none"), "");
}

}  // namespace
}  // namespace ds

#include "gateway/protocol/sse_query.h"

#include "gtest/gtest.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

constexpr Offset kSomewhere{3, 4};

ReadQuery From(std::string_view offset) {
  Target target;
  target.query = {{"offset", std::string(offset)}, {"live", "sse"}};
  return *ParseReadQuery(target);
}

SseForm Wanted(std::string_view offset, Field accept, std::string_view encoding = {}) {
  Target target;
  if (!encoding.empty()) target.query = {{"encoding", std::string(encoding)}};
  return *WantedForm(target, From(offset), accept);
}

TEST(SseQuery, TextIsWantedExactly) {
  EXPECT_EQ(Wanted(kSomewhere.ToString(), "*/*"), SseForm::kExact);
  EXPECT_EQ(Wanted("now", std::nullopt), SseForm::kExact);
  EXPECT_EQ(Wanted("-1", "text/event-stream"), SseForm::kExact);
  EXPECT_EQ(Wanted("-1", "text/html, Text/Event-Stream;q=0.9"), SseForm::kExact);
}

TEST(SseQuery, ABareRequestForEverythingTakesLineEndsForThat) {
  EXPECT_EQ(Wanted("-1", std::nullopt), SseForm::kLineEnds);
  EXPECT_EQ(Wanted("-1", "*/*"), SseForm::kLineEnds);
}

TEST(SseQuery, TheClientMaySayHow) {
  EXPECT_EQ(Wanted("-1", std::nullopt, "text"), SseForm::kAny);
  EXPECT_EQ(Wanted("-1", std::nullopt, "base64"), SseForm::kBase64);
  Target target;
  target.query = {{"encoding", "rot13"}};
  EXPECT_EQ(GetErrorCode(WantedForm(target, From("-1"), std::nullopt).status()),
            ErrorCode::kInvalidQuery);
}

TEST(SseQuery, LastEventIdWinsOverTheOffset) {
  ReadQuery query = From("-1");
  EXPECT_TRUE(*ApplyLastEventId(kSomewhere.ToString(), query));
  EXPECT_EQ(query.from, ReadRequest::From::kOffset);
  EXPECT_EQ(query.offset, kSomewhere);
}

TEST(SseQuery, WithoutLastEventIdTheOffsetStands) {
  ReadQuery query = From("now");
  EXPECT_FALSE(*ApplyLastEventId(std::nullopt, query));
  EXPECT_FALSE(*ApplyLastEventId("", query));
  EXPECT_EQ(query.from, ReadRequest::From::kNow);
  for (const char* const malformed : {"7", "-1", "now", " ", "0_0"}) {
    EXPECT_EQ(GetErrorCode(ApplyLastEventId(malformed, query).status()), ErrorCode::kInvalidOffset)
        << malformed;
  }
}

TEST(SseQuery, WhatLinesDoNotCarryIsBase64) {
  const auto form = [](SseForm wanted, const char* type, const char* data,
                       SseFit worst = SseFit::kExact) {
    return ResponseForm(wanted, type, data, worst);
  };
  EXPECT_EQ(form(SseForm::kExact, "text/plain", " a\n"), SseForm::kExact);
  EXPECT_EQ(form(SseForm::kExact, "text/plain", "a\r\n"), SseForm::kBase64);
  EXPECT_EQ(form(SseForm::kLineEnds, "text/plain", "a\r\n"), SseForm::kLineEnds);
  EXPECT_EQ(form(SseForm::kLineEnds, "text/plain", "a\r"), SseForm::kBase64);
  EXPECT_EQ(form(SseForm::kAny, "text/plain", "\xff"), SseForm::kAny);
  EXPECT_EQ(form(SseForm::kExact, "text/plain; charset=latin1", "a"), SseForm::kBase64);
  EXPECT_EQ(form(SseForm::kExact, "text/plain", "", SseFit::kDamaged), SseForm::kBase64);
  EXPECT_EQ(form(SseForm::kExact, "application/json", "1\r\n"), SseForm::kExact);
  EXPECT_EQ(form(SseForm::kAny, "image/png", ""), SseForm::kBase64);
}

}  // namespace
}  // namespace ds

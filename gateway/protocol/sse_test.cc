#include "gateway/protocol/sse.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "gateway/protocol/event_stream_reader.h"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"

namespace ds {
namespace {

constexpr Offset kNext{1, 2};
constexpr char kNextText[] = "0001000000000001_0000000000000004";

std::string DataEvent(SseForm form, std::string_view content_type, std::string_view data,
                      const std::vector<uint32_t>& message_sizes = {}) {
  std::string out;
  AppendSseData(form, content_type, data, message_sizes, kNext, out);
  return out;
}

std::string ControlEvent(const SseControl& control, bool with_id = false) {
  std::string out;
  AppendSseControl(control, with_id, out);
  return out;
}

std::string Lines(std::string_view data) { return DataEvent(SseForm::kAny, "text/plain", data); }

const std::string kId = "id: " + std::string(kNextText) + "\n\n";

TEST(Sse, TextIsWrittenLineByLine) {
  EXPECT_EQ(Lines("a\nb"), "event: data\ndata:a\ndata:b\n" + kId);
  EXPECT_EQ(Lines("a\n"), "event: data\ndata:a\ndata:\n" + kId);
  EXPECT_EQ(Lines("\n"), "event: data\ndata:\ndata:\n" + kId);
}

TEST(Sse, ALineKeepsWhatItBeginsWith) {
  EXPECT_EQ(Lines(" world"), "event: data\ndata:  world\n" + kId);
  EXPECT_EQ(Lines("a\n  b"), "event: data\ndata:a\ndata:   b\n" + kId);
  EXPECT_EQ(Lines("\ta"), "event: data\ndata: \ta\n" + kId);
}

TEST(Sse, NothingInAStreamEndsAnEvent) {
  EXPECT_EQ(Lines("a\r\nb\rc\n\nevent: control"),
            "event: data\ndata:a\ndata:b\ndata:c\ndata:\ndata:event: control\n" + kId);
}

TEST(Sse, JsonAndBase64) {
  EXPECT_EQ(DataEvent(SseForm::kExact, "application/json", "12", {1, 1}),
            "event: data\ndata:[1,2]\n" + kId);
  EXPECT_EQ(DataEvent(SseForm::kBase64, "text/plain", std::string("\0\xff", 2)),
            "event: data\ndata:AP8=\n" + kId);
  EXPECT_EQ(DataEvent(SseForm::kBase64, "application/json", "12", {1, 1}),
            "event: data\ndata:WzEsMl0=\n" + kId);
}

TEST(Sse, ControlEvents) {
  const std::string next = kNextText;
  EXPECT_EQ(ControlEvent({.next = kNext, .cursor = 5, .up_to_date = true}),
            "event: control\ndata:{\"streamNextOffset\":\"" + next +
                "\",\"streamCursor\":\"5\",\"upToDate\":true}\n\n");
  EXPECT_EQ(
      ControlEvent({.next = kNext, .closed = true}, /*with_id=*/true),
      "event: control\ndata:{\"streamNextOffset\":\"" + next + "\",\"streamClosed\":true}\n" + kId);
}

TEST(Sse, AResponseBeginsWithHowToReadIt) {
  EXPECT_EQ(SseOpening(SseForm::kExact, 700), "retry: 700\n\n");
  const ReadEvents read = ReadEventStream(SseOpening(SseForm::kBase64, 700));
  EXPECT_EQ(read.retry_ms, 700u);
  ASSERT_EQ(read.events.size(), 1u);
  EXPECT_EQ(read.events[0], (ReadEvent{"encoding", "base64", ""}));
}

TEST(Sse, AnEventsIdIsWhereItsDataEnds) {
  const ReadEvents read = ReadEventStream(ControlEvent({.next = {}}, true) + Lines("x"));
  ASSERT_EQ(read.events.size(), 2u);
  EXPECT_EQ(read.events[0].last_event_id, Offset().ToString());
  EXPECT_EQ(read.events[1].last_event_id, kNextText);
  EXPECT_EQ(read.last_event_id, kNextText);
}

TEST(Sse, TheCharsetDecidesWhetherTextIsUtf8) {
  for (const char* const yes :
       {"text/plain", "text/plain; charset=utf-8", "text/plain;charset=UTF-8",
        "text/plain; format=flowed; charset=\"Utf-8\"", "text/plain; charset=us-ascii",
        "text/plain;charset=utf8;x=y", "text/plain; x=charset"}) {
    EXPECT_TRUE(IsUtf8(yes)) << yes;
  }
  for (const char* const no :
       {"text/plain; charset=latin1", "text/plain;CHARSET=iso-8859-1",
        "text/plain; charset=\"utf-16\"", "text/plain; a=b; charset=shift_jis"}) {
    EXPECT_FALSE(IsUtf8(no)) << no;
  }
}

TEST(Sse, WhatLinesMakeOfText) {
  EXPECT_EQ(FitOf("text/plain", " a\n\n\tb\n"), SseFit::kExact);
  EXPECT_EQ(FitOf("text/plain", std::string_view("\0\xef\xbb\xbf\xe2\x80\xa8", 7)), SseFit::kExact);
  EXPECT_EQ(FitOf("text/plain", "a\r\nb\r\n"), SseFit::kLineEnds);
  EXPECT_EQ(FitOf("text/plain", "a\rb"), SseFit::kDamaged);
  EXPECT_EQ(FitOf("text/plain", "a\r\r\n"), SseFit::kDamaged);
  EXPECT_EQ(FitOf("text/plain", "a\r\n\r"), SseFit::kDamaged);
  EXPECT_EQ(FitOf("text/plain", "caf\xc3"), SseFit::kDamaged);
  EXPECT_EQ(FitOf("text/plain", "\xed\xa0\x80"), SseFit::kDamaged);
  EXPECT_EQ(FitOf("application/json", "{\r\n}"), SseFit::kExact);
}

TEST(Sse, FormsCarryWhatTheySay) {
  EXPECT_TRUE(Carries(SseForm::kExact, SseFit::kExact));
  EXPECT_FALSE(Carries(SseForm::kExact, SseFit::kLineEnds));
  EXPECT_TRUE(Carries(SseForm::kLineEnds, SseFit::kLineEnds));
  EXPECT_FALSE(Carries(SseForm::kLineEnds, SseFit::kDamaged));
  EXPECT_TRUE(Carries(SseForm::kAny, SseFit::kDamaged));
  EXPECT_TRUE(Carries(SseForm::kBase64, SseFit::kDamaged));
}

// Bytes of which many mean something to one of the parsers.
rc::Gen<std::string> Text() {
  return rc::gen::map(
      rc::gen::container<std::vector<std::string>>(rc::gen::weightedOneOf<std::string>(
          {{4, rc::gen::element<std::string>(" ", "\n", "\r", "\r\n", "\t", ":", "data:", "a",
                                             "event: control\n", "id: 7\n", "\v", "\xc2\x85")},
           {3, rc::gen::element<std::string>("é", "\u2028", "\u2029", "\ufeff", "\U0001f600",
                                             std::string(1, '\0'))},
           {1, rc::gen::element<std::string>("\xc3", "\xa9", "\xed\xa0\x80", "\xf5", "\xff",
                                             "\xf0\x9f\x98")},
           {1, rc::gen::container<std::string>(rc::gen::arbitrary<char>())}})),
      [](const std::vector<std::string>& parts) {
        std::string text;
        for (const std::string& part : parts) text += part;
        return text.empty() ? std::string("x") : text;
      });
}

// The two events of a commit, as an EventSource sees them.
ReadEvent ReadBack(SseForm form, std::string_view content_type, std::string_view data,
                   const std::vector<uint32_t>& message_sizes = {}) {
  const std::string stream = SseOpening(SseForm::kExact, 1000) +
                             DataEvent(form, content_type, data, message_sizes) +
                             ControlEvent({.next = kNext, .cursor = 1});
  const ReadEvents read = ReadEventStream(stream);
  RC_ASSERT(read.events.size() == 2u);
  RC_ASSERT(read.events[0].last_event_id == kNextText);
  RC_ASSERT(read.events[1].type == "control");
  return read.events[0];
}

RC_GTEST_PROP(SseProperty, LinesCarryWhatFitsThemAndNothingElse, ()) {
  const std::string text = *Text();
  const ReadEvent event = ReadBack(SseForm::kAny, "text/plain", text);
  RC_ASSERT(event.type == "data");
  const SseFit fit = FitOf("text/plain", text);
  RC_TAG(static_cast<int>(fit));
  RC_ASSERT((event.data == text) == (fit == SseFit::kExact));
  RC_ASSERT((event.data == absl::StrReplaceAll(text, {{"\r\n", "\n"}})) ==
            (fit != SseFit::kDamaged));
}

RC_GTEST_PROP(SseProperty, Base64CarriesAllBytes, ()) {
  const std::string text = *Text();
  std::string decoded;
  RC_ASSERT(absl::Base64Unescape(ReadBack(SseForm::kBase64, "text/plain", text).data, &decoded));
  RC_ASSERT(decoded == text);
}

RC_GTEST_PROP(SseProperty, JsonKeepsItsTokens, ()) {
  const std::string space =
      *rc::gen::element<std::string>("", " ", "\n", "\r", "\r\n", "\t", "\n ");
  const std::string string =
      *rc::gen::element<std::string>("\\ud800", "\u2028\u2029", "\\r\\n", "\x7f");
  const std::string message = "{" + space + "\"k\"" + space + ":\"" + string + "\"}";
  const auto size = static_cast<uint32_t>(message.size());
  const std::string got =
      ReadBack(SseForm::kExact, "application/json", message + message, {size, size}).data;
  const std::string sent = "[" + message + "," + message + "]";
  RC_ASSERT(absl::StrReplaceAll(sent, {{"\r\n", "\n"}, {"\r", "\n"}}) == got);
}

}  // namespace
}  // namespace ds

#include "gateway/http/chunked_body.h"

#include <optional>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "storage/api/errors.h"

namespace ds::http {
namespace {

// What became of `bytes` that arrive in pieces of `step`.
struct Outcome {
  std::optional<ErrorCode> error;
  bool done = false;
  size_t used = 0;
  std::string body;

  bool operator==(const Outcome&) const = default;
};

Outcome Decode(const std::string& bytes, size_t step, const Limits& limits = {}) {
  Outcome outcome;
  ChunkedBody chunks(limits);
  for (size_t at = 0; at < bytes.size() && !chunks.done(); at += step) {
    const absl::StatusOr<size_t> used =
        chunks.Decode(std::string_view(bytes).substr(at, step), outcome.body);
    if (!used.ok()) {
      return {.error = GetErrorCode(used.status())};
    }
    outcome.used += *used;
  }
  outcome.done = chunks.done();
  return outcome;
}

// The outcome, which must be the same in whatever pieces the bytes come.
Outcome Judge(const std::string& bytes, const Limits& limits = {}) {
  const Outcome whole = Decode(bytes, bytes.size() + 1, limits);
  for (size_t step = 1; step <= bytes.size(); ++step) {
    EXPECT_TRUE(Decode(bytes, step, limits) == whole) << bytes << " in steps of " << step;
  }
  return whole;
}

TEST(ChunkedBody, ReadsChunksAndStopsAtTheirEnd) {
  for (const auto& [bytes, body] : std::initializer_list<std::pair<std::string, std::string>>{
           {"0\r\n\r\n", ""},
           {"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"},
           {"00A\r\n0123456789\r\n000\r\n\r\n", "0123456789"},
           {"a\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n\r\n\r\n\r\n"},
           {"0000000000000001\r\nx\r\n0\r\n\r\n", "x"},
       }) {
    const Outcome outcome = Judge(bytes + "NEXT");
    EXPECT_TRUE(outcome.done) << bytes;
    EXPECT_EQ(outcome.body, body);
    EXPECT_EQ(outcome.used, bytes.size());
  }
  EXPECT_FALSE(Judge("3\r\nab").done);
  EXPECT_FALSE(Judge("3\r\nabc\r\n0\r\n").done);
}

TEST(ChunkedBody, DropsExtensionsAndTrailers) {
  for (const std::string& bytes : {
           std::string("1;a\r\nx\r\n0\r\n\r\n"),
           std::string("1;a=b;c=d\r\nx\r\n0;last\r\n\r\n"),
           std::string("1;a=\"b c; \\\" = \xff\"\r\nx\r\n0\r\n\r\n"),
           std::string("1 ; a = \"b\" ;\tc\t=d\r\nx\r\n0\r\n\r\n"),
           std::string("1\r\nx\r\n0\r\nStream-Closed: true\r\nAuthorization:Bearer x\r\n\r\n"),
           std::string("1\r\nx\r\n0\r\nEmpty:\r\nContent-Length: 99\r\n\r\n"),
       }) {
    const Outcome outcome = Judge(bytes + "NEXT");
    EXPECT_TRUE(outcome.done) << bytes;
    EXPECT_EQ(outcome.body, "x") << bytes;
    EXPECT_EQ(outcome.used, bytes.size()) << bytes;
  }
}

TEST(ChunkedBody, RefusesWhatTheGrammarHasNot) {
  for (const std::string& bytes : {
           std::string("\r\n"),
           std::string("z\r\n"),
           std::string("-1\r\n"),
           std::string("+1\r\nx\r\n"),
           std::string(" 1\r\nx\r\n"),
           std::string("0x1\r\nx\r\n"),
           std::string("1 \r\nx\r\n"),
           std::string("1\nx\r\n"),
           std::string("1\rx"),
           std::string("1\r\nxx\r\n"),
           std::string("1\r\nx\n"),
           std::string("1\r\nx0\r\n\r\n"),
           std::string("fffffffffffffffff\r\n"),
           std::string("00000000000000001\r\n"),
           std::string("1;\r\nx\r\n"),
           std::string("1;=b\r\nx\r\n"),
           std::string("1;a=\r\nx\r\n"),
           std::string("1;a \r\nx\r\n"),
           std::string("1;a=b \r\nx\r\n"),
           std::string("1;a b\r\nx\r\n"),
           std::string("1;a=b=c\r\nx\r\n"),
           std::string("1,a\r\nx\r\n"),
           std::string("1;a\nx\r\n"),
           std::string("1;a=b\nx\r\n"),
           std::string("1;a=\"b\nc\"\r\nx\r\n"),
           std::string("1;a=\"b\r\nc\"\r\nx\r\n"),
           std::string("1;a=\"b\\\nc\"\r\nx\r\n"),
           std::string("1;a=\"b\"c\r\nx\r\n"),
           std::string("1;a=\"b\x7f\"\r\nx\r\n"),
           std::string("1;a=\"b\0\"\r\nx\r\n", 14),
           std::string("0\n\r\n"),
           std::string("0\r\n\n"),
           std::string("0\r\n\rx"),
           std::string("0\r\nA: b\n\r\n"),
           std::string("0\r\nA: b\r\n\n"),
           std::string("0\r\nA: b\r\n folded\r\n\r\n"),
           std::string("0\r\nA: b\r\n\tfolded\r\n\r\n"),
           std::string("0\r\n A: b\r\n\r\n"),
           std::string("0\r\nA : b\r\n\r\n"),
           std::string("0\r\n: b\r\n\r\n"),
           std::string("0\r\nA\r\n\r\n"),
           std::string("0\r\nA: b\rc\r\n\r\n"),
           std::string("0\r\nA: b\x01\r\n\r\n"),
           std::string("0\r\nGET / HTTP/1.1\r\n\r\n"),
       }) {
    EXPECT_EQ(Judge(bytes).error, ErrorCode::kBadRequest) << bytes;
  }
}

TEST(ChunkedBody, HoldsItsLimits) {
  const Limits limits{.max_head = 64, .max_headers = 2, .max_body = 20};
  const std::string end = "0\r\n\r\n";
  EXPECT_TRUE(Judge("14\r\n" + std::string(20, 'a') + "\r\n" + end, limits).done);
  EXPECT_EQ(Judge("15\r\n", limits).error, ErrorCode::kPayloadTooLarge);
  EXPECT_EQ(Judge("ffffffffffffffff\r\n", limits).error, ErrorCode::kPayloadTooLarge);
  EXPECT_EQ(Judge("14\r\n" + std::string(20, 'a') + "\r\n1\r\n", limits).error,
            ErrorCode::kPayloadTooLarge);
  EXPECT_TRUE(Judge("1;a=" + std::string(60, 'b') + "\r\nx\r\n" + end, limits).done);
  EXPECT_EQ(Judge("1;a=" + std::string(64, 'b') + "\r\nx\r\n" + end, limits).error,
            ErrorCode::kBadRequest);
  std::string many;
  for (int i = 0; i < 20; ++i) many += "1;extension\r\nx\r\n";
  EXPECT_EQ(Judge(many + end, limits).error, ErrorCode::kBadRequest);
  EXPECT_TRUE(Judge("0\r\nA: 1\r\nB: 2\r\n\r\n", limits).done);
  EXPECT_EQ(Judge("0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits).error, ErrorCode::kHeadersTooLarge);
  EXPECT_EQ(Judge("0\r\nA: " + std::string(70, 'b'), limits).error, ErrorCode::kHeadersTooLarge);
}

TEST(ChunkedBody, SmallChunksAreNoExtensions) {
  const Limits limits{.max_head = 8, .max_body = 1000};
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += "1\r\nx\r\n";
  EXPECT_EQ(Decode(bytes + "0\r\n\r\n", bytes.size() + 9, limits).body, std::string(1000, 'x'));
}

}  // namespace
}  // namespace ds::http

#include "gateway/http/request_parser.h"

#include <utility>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"

namespace ds::http {
namespace {

// What a connection does with these bytes: the error's code, or nothing when the head is accepted.
std::optional<ErrorCode> Judge(std::string bytes, Limits limits = {}) {
  size_t searched = 0;
  std::optional<ErrorCode> error;
  const auto size = RequestParser::FindHead(bytes, limits, searched, error);
  if (error) return error;
  if (!size) return std::nullopt;
  RequestParser parser(limits);
  Request request;
  request.head = bytes.substr(0, *size);
  const absl::Status status = parser.ParseHead(request);
  if (status.ok()) return std::nullopt;
  return GetErrorCode(status);
}

std::string Post(const std::string& headers) {
  return "POST /v1/stream/a HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
}

TEST(RequestParser, ReadsAHead) {
  const Limits limits;
  RequestParser parser(limits);
  Request request;
  request.head = Post("Content-Length: 3\r\nX-A: b c \r\n");
  ASSERT_TRUE(parser.ParseHead(request).ok());
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/v1/stream/a");
  EXPECT_EQ(request.Find("x-a"), "b c");
  EXPECT_EQ(parser.content_length(), 3u);
  EXPECT_TRUE(parser.keep_alive());
}

TEST(RequestParser, RefusesEveryRequestSmugglingShape) {
  for (const std::string& bytes : {
           Post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
           Post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
           Post("Transfer-Encoding: xchunked\r\n"),
           Post("Transfer-Encoding: chunked, identity\r\n"),
           Post("Transfer-Encoding: identity\r\n"),
           Post("Transfer-Encoding: gzip, chunked\r\n"),
           Post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
           Post("Transfer-Encoding:\r\n"),
           Post("Transfer-Encoding : chunked\r\n"),
           Post("Content-Length: 3,3\r\n"),
           Post("Content-Length: 3\r\nContent-Length: 3\r\n"),
           Post("Content-Length: 3\r\nContent-Length: 4\r\n"),
           Post("Content-Length: +3\r\n"),
           Post("Content-Length: -3\r\n"),
           Post("Content-Length: 0x3\r\n"),
           Post("Content-Length:\r\n"),
           Post("Content-Length: 99999999999999999999\r\n"),
           Post("X-A: b\r\n folded\r\n"),
           Post("X-A: b\r\n\tfolded\r\n"),
           Post("X-A: b\rc\r\n"),
           Post("X A: b\r\n"),
           Post(": b\r\n"),
           Post("Host: y\r\n"),
           std::string("POST / HTTP/1.1\r\n\r\n"),
           std::string("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
           std::string("GET / HTTP/1.1\nHost: x\n\n"),
           std::string("GET / HTTP/1.1\r\nHost: x\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: x\r\n\n"),
           std::string("GET  / HTTP/1.1\r\nHost: x\r\n\r\n"),
           std::string("GET / HTTP/2.0\r\nHost: x\r\n\r\n"),
           std::string("GET /\r\nHost: x\r\n\r\n"),
           std::string("G\x01T / HTTP/1.1\r\nHost: x\r\n\r\n"),
       }) {
    EXPECT_EQ(Judge(bytes), ErrorCode::kBadRequest) << bytes;
  }
}

TEST(RequestParser, LimitsHaveTheirOwnErrors) {
  const Limits limits{.max_request_line = 64, .max_head = 256, .max_headers = 3, .max_body = 10};
  EXPECT_EQ(Judge("GET /" + std::string(100, 'a'), limits), ErrorCode::kUriTooLong);
  EXPECT_EQ(Judge("GET / HTTP/1.1\r\nX: " + std::string(300, 'a'), limits),
            ErrorCode::kHeadersTooLarge);
  EXPECT_EQ(Judge(Post("A: 1\r\nB: 2\r\nC: 3\r\n"), limits), ErrorCode::kHeadersTooLarge);
  EXPECT_EQ(Judge(Post("Content-Length: 11\r\n"), limits), ErrorCode::kPayloadTooLarge);
  EXPECT_EQ(Judge(Post("Expect: a-miracle\r\n"), limits), ErrorCode::kExpectationFailed);
}

TEST(RequestParser, AnIncompleteHeadIsNoErrorYet) {
  const std::string whole = Post("X-A: b\r\n");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(Judge(whole.substr(0, size)), std::nullopt) << size;
  }
}

absl::StatusOr<std::string> Chunks(const std::string& bytes, size_t step, size_t& used) {
  static const Limits limits{.max_body = 20};
  RequestParser parser(limits);
  Request request;
  request.head = Post("Transfer-Encoding: chunked\r\n");
  EXPECT_TRUE(parser.ParseHead(request).ok());
  std::string in;
  used = 0;
  for (size_t at = 0; at < bytes.size() && !parser.done(); at += step) {
    in += bytes.substr(at, step);
    const absl::StatusOr<size_t> taken = parser.ParseBody(in, request.body);
    if (!taken.ok()) return taken.status();
    in.erase(0, *taken);
    used += *taken;
  }
  if (!parser.done()) return absl::OutOfRangeError("incomplete");
  return request.body;
}

TEST(RequestParser, ReadsChunksHoweverTheyArrive) {
  const std::string body = "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: z\r\n\r\n";
  for (size_t step = 1; step <= body.size() + 4; ++step) {
    size_t used;
    EXPECT_EQ(Chunks(body + "NEXT", step, used).value(), "abcde");
    EXPECT_EQ(used, body.size());
  }
}

TEST(RequestParser, RefusesMalformedAndTooLargeChunks) {
  size_t used;
  for (const char* body : {"3\r\nabcd\r\n0\r\n\r\n", "z\r\nabc\r\n0\r\n\r\n", "-1\r\n\r\n",
                           "3\nabc\n0\n\n", "fffffffffffffffff\r\n", "3 \r\nabc\r\n0\r\n\r\n"}) {
    const auto result = Chunks(body, 64, used);
    EXPECT_FALSE(result.ok()) << body;
    EXPECT_EQ(GetErrorCode(result.status()), ErrorCode::kBadRequest) << body;
  }
  EXPECT_EQ(
      GetErrorCode(Chunks("15\r\n" + std::string(21, 'a') + "\r\n0\r\n\r\n", 64, used).status()),
      ErrorCode::kPayloadTooLarge);
  EXPECT_TRUE(absl::IsOutOfRange(Chunks("3\r\nab", 64, used).status())) << "cut off";
}

}  // namespace
}  // namespace ds::http

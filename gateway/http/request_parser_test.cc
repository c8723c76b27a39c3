#include "gateway/http/request_parser.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace ds::http {
namespace {

// What a connection does with these bytes: the error's code, or nothing when the head is accepted.
std::optional<ErrorCode> Judge(std::string bytes, Limits limits = {}) {
  size_t searched = 0;
  std::optional<ErrorCode> error;
  const auto size = FindHead(bytes, limits, searched, error);
  if (error) return error;
  if (!size) return std::nullopt;
  Request request;
  Framing framing;
  const absl::Status status =
      ParseHead(std::string_view(bytes).substr(0, *size), limits, request, framing);
  if (status.ok()) return std::nullopt;
  return GetErrorCode(status);
}

std::string Post(const std::string& headers) {
  return "POST /v1/stream/a HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
}

TEST(RequestParser, ReadsAHead) {
  Request request;
  Framing framing;
  const std::string head = Post("Content-Length: 3\r\nX-A: b c \r\n");
  ASSERT_TRUE(ParseHead(head, Limits(), request, framing).ok());
  EXPECT_EQ(request.method(), "POST");
  EXPECT_EQ(request.target(), "/v1/stream/a");
  EXPECT_EQ(request.authority(), "x");
  EXPECT_EQ(request.Find("x-a"), "b c");
  EXPECT_EQ(framing.content_length, 3u);
  EXPECT_TRUE(framing.keep_alive);
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
           std::string("GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n"),
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

// What became of the target and the authority, or the error.
std::string Resolve(const std::string& method, const std::string& target, const std::string& host,
                    const std::string& version = "1.1") {
  Request request;
  Framing framing;
  const absl::Status status =
      ParseHead(method + " " + target + " HTTP/" + version + "\r\n" + host + "\r\n", Limits(),
                request, framing);
  if (!status.ok()) return std::string(Describe(GetErrorCode(status)).name);
  return std::string(request.target()) + " of " + std::string(request.authority());
}

TEST(RequestParser, KnowsWhatARequestIsFor) {
  EXPECT_EQ(Resolve("GET", "/a", "Host: h:1\r\n"), "/a of h:1");
  EXPECT_EQ(Resolve("GET", "/a", "Host:\r\n"), "/a of ");
  EXPECT_EQ(Resolve("GET", "/a", "", "1.0"), "/a of ");
  EXPECT_EQ(Resolve("GET", "/a", "Host: [::1]:1\r\n", "1.0"), "/a of [::1]:1");
  EXPECT_EQ(Resolve("GET", "//evil/a", "Host: h\r\n"), "//evil/a of h");
  EXPECT_EQ(Resolve("OPTIONS", "*", "Host: h\r\n"), "* of h");
  EXPECT_EQ(Resolve("CONNECT", "other:443", "Host: h\r\n"), "other:443 of other:443");
}

TEST(RequestParser, AnAbsoluteTargetCountsMoreThanHost) {
  EXPECT_EQ(Resolve("GET", "http://other:1/a?b", "Host: h\r\n"), "/a?b of other:1");
  EXPECT_EQ(Resolve("GET", "HTTPS://other/a", "Host:\r\n"), "/a of other");
  EXPECT_EQ(Resolve("GET", "http://other/a", "", "1.0"), "/a of other");
  EXPECT_EQ(Resolve("GET", "http://other", "Host: h\r\n"), "/ of other");
  EXPECT_EQ(Resolve("GET", "http://other?b=http://c/d", "Host: h\r\n"), "/?b=http://c/d of other");
  EXPECT_EQ(Resolve("OPTIONS", "http://other", "Host: h\r\n"), "* of other");
  EXPECT_EQ(Resolve("OPTIONS", "http://other/", "Host: h\r\n"), "/ of other");
}

TEST(RequestParser, RefusesTargetsAndHostsThatAreNone) {
  for (const char* target :
       {"a", "*", "?a", "h:1", "http:/h/a", "http://", "http:///a", "http://:80/a", "ftp://h/a",
        "http://user@h/a", "http://user:secret@h/a", "http://h:65536/a", "http://h:x/a", "://h/a",
        "javascript://h/a", "http://[::1/a", "x?y=http://h/a"}) {
    EXPECT_EQ(Resolve("GET", target, "Host: h\r\n"), "bad-request") << target;
  }
  for (const char* host :
       {"a b", "a/b", "user@h", "h:65536", "h:x", ":80", "h, h", "[::1", "h\xff"}) {
    const std::string line = std::string("Host: ") + host + "\r\n";
    EXPECT_EQ(Resolve("GET", "/a", line), "bad-request") << host;
    EXPECT_EQ(Resolve("GET", "/a", line, "1.0"), "bad-request") << host;
    // It is not used, and still it must be one.
    EXPECT_EQ(Resolve("GET", "http://other/a", line), "bad-request") << host;
  }
  EXPECT_EQ(Resolve("CONNECT", "/a", "Host: h\r\n"), "/a of h");
  EXPECT_EQ(Resolve("CONNECT", "a b", "Host: h\r\n"), "bad-request");
  EXPECT_EQ(Resolve("GET", "http://other/a", ""), "bad-request") << "no Host";
}

}  // namespace
}  // namespace ds::http

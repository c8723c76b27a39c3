#include "gateway/http/request_reader.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace ds::http {
namespace {

struct Outcome {
  std::vector<std::string> requests;  // method, target, authority, headers and body of each
  std::optional<ErrorCode> error;

  bool operator==(const Outcome&) const = default;
};

std::string Describe(const Request& request) {
  std::string text;
  for (const std::string_view part : {request.method(), request.target(), request.authority()}) {
    text.append(part).append("|");
  }
  for (size_t i = 0; i < request.header_count(); ++i) {
    text.append(request.header(i).name).append("=").append(request.header(i).value).append("|");
  }
  return text + request.body;
}

Outcome Read(const std::string& bytes, size_t step, const Limits& limits = {}) {
  Outcome outcome;
  RequestReader reader(limits);
  Request request;
  for (size_t at = 0; at < bytes.size(); at += step) {
    reader.Add(std::string_view(bytes).substr(at, step));
    while (true) {
      const absl::StatusOr<bool> advanced = reader.Advance(request);
      if (!advanced.ok()) {
        outcome.error = GetErrorCode(advanced.status());
        return outcome;
      }
      if (!*advanced) break;
      if (reader.stage() != RequestReader::Stage::kComplete) continue;
      outcome.requests.push_back(Describe(request));
      request.Clear();
      reader.Next();
    }
  }
  return outcome;
}

Outcome Judge(const std::string& bytes, const Limits& limits = {}) {
  const Outcome whole = Read(bytes, bytes.size(), limits);
  for (size_t step = 1; step < bytes.size(); ++step) {
    EXPECT_TRUE(Read(bytes, step, limits) == whole) << bytes << " in steps of " << step;
  }
  return whole;
}

TEST(RequestReader, ReadsPipelinedRequestsHoweverTheyAreCut) {
  const Outcome outcome = Judge(
      "\r\n\r\nPUT /a HTTP/1.1\r\nHost: h:1\r\nContent-Length: 3\r\n\r\nabc"
      "\r\nPOST /b?c=d HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "2;x=\"y\"\r\nde\r\n0\r\nStream-Closed: true\r\n\r\n"
      "GET /e HTTP/1.1\r\nhost:\r\nX: \t y \r\n\r\n"
      "GET http://other/f HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_FALSE(outcome.error);
  EXPECT_EQ(outcome.requests, (std::vector<std::string>{
                                  "PUT|/a|h:1|Host=h:1|Content-Length=3|abc",
                                  "POST|/b?c=d|h|Host=h|Transfer-Encoding=chunked|de",
                                  "GET|/e||host=|X=y|",
                                  "GET|/f|other|Host=h|",
                              }));
}

// The fields after a chunked body come too late to say anything: each of these did act once.
TEST(RequestReader, TrailersAreNoHeaders) {
  for (const char* trailer :
       {"Stream-Closed: true", "Authorization: Bearer secret", "Producer-Id: a", "Host: evil",
        "Content-Length: 5", "Transfer-Encoding: chunked", "Connection: close", "Expect: nonsense",
        "Content-Type: text/html", "Stream-TTL: 1"}) {
    const std::string head =
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n";
    const Outcome outcome = Judge(head + trailer + "\r\n\r\nDELETE /b HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_FALSE(outcome.error) << trailer;
    EXPECT_EQ(outcome.requests,
              (std::vector<std::string>{"POST|/a|h|Host=h|Transfer-Encoding=chunked|x",
                                        "DELETE|/b|h|Host=h|"}))
        << trailer;
  }
}

TEST(RequestReader, AnErrorDoesNotDependOnTheCut) {
  for (const char* bytes :
       {"GET / HTTP/1.1\nHost: h\n\n", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n\n"}) {
    EXPECT_EQ(Judge(bytes).error, ErrorCode::kBadRequest) << bytes;
  }
}

TEST(RequestReader, AnnouncedBodiesTakeNoMemory) {
  const Limits limits;
  RequestReader reader(limits);
  Request request;
  reader.Add("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 60000000\r\n\r\nsome");
  EXPECT_TRUE(*reader.Advance(request));
  EXPECT_FALSE(*reader.Advance(request));
  EXPECT_EQ(request.body, "some");
  EXPECT_LT(request.body.capacity(), 1000u);
}

TEST(RequestReader, TakesOverALargeBodyThatCameAlone) {
  const Limits limits;
  RequestReader reader(limits);
  Request request;
  reader.Add("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50000\r\n\r\n");
  EXPECT_TRUE(*reader.Advance(request));
  reader.Add(std::string(50'000, 'x'));
  EXPECT_TRUE(*reader.Advance(request));
  EXPECT_EQ(request.body, std::string(50'000, 'x'));
  EXPECT_TRUE(reader.unread().empty());
}

}  // namespace
}  // namespace ds::http

#include "gateway/http/connection.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gateway/http/test_server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ds::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

bool Eventually(const std::function<bool()>& condition, milliseconds limit = milliseconds(10'000)) {
  const auto end = steady_clock::now() + limit;
  while (!condition()) {
    if (steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return true;
}

size_t CountOf(const std::string& text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::string Get(const std::string& target, const std::string& fields = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
}

std::string Chunked(const std::string& target, const std::string& trailers = "") {
  return "POST " + target +
         " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n" + trailers +
         "\r\n";
}

TEST(Connection, AnswersPipelinedRequestsWithoutTheirTrailers) {
  TestServer server;
  TestClient client(server);
  client.Send(Chunked("/a", "Authorization: secret\r\n") + Chunked("/b") +
              Get("/c", "Connection: close\r\n"));
  const std::string answers = client.ReadToEnd();
  EXPECT_EQ(CountOf(answers, "HTTP/1.1 200 OK"), 3u);
  EXPECT_THAT(answers, HasSubstr("POST|/a|h|Host=h|Transfer-Encoding=chunked|abc"));
  EXPECT_THAT(answers, HasSubstr("POST|/b|h|Host=h|Transfer-Encoding=chunked|abc"));
  EXPECT_THAT(answers, HasSubstr("GET|/c|h|Host=h|Connection=close|"));
  EXPECT_THAT(answers, Not(HasSubstr("secret")));
}

// Under ASan: what a handler holds of its request outlives what comes and goes meanwhile.
TEST(Connection, ViewsOfARequestHoldWhileItsHandlerWaits) {
  TestServer server;
  TestClient client(server);
  client.Send(Chunked("/wait/700", "X-Trailer: t\r\n"));
  for (int i = 0; i < 20; ++i) {
    client.Send(Get("/next", "X-Padding: " + std::string(1000, 'y') + "\r\n"));
    std::this_thread::sleep_for(milliseconds(5));
  }
  client.EndSending();
  const std::string answers = client.ReadToEnd();
  EXPECT_EQ(CountOf(answers, "HTTP/1.1 200 OK"), 21u);
  EXPECT_THAT(answers, HasSubstr("POST|/wait/700|h|Host=h|Transfer-Encoding=chunked|abc"));
}

TEST(Connection, ViewsOfARequestHoldWhileItsAnswerIsStreamed) {
  TestServer server;
  TestClient client(server);
  client.Send(Get("/stream/700", "Connection: close\r\n"));
  EXPECT_THAT(client.ReadToEnd(), HasSubstr("end of GET;"));
}

TEST(Connection, AnswersAllBeforeAHalfClose) {
  TestServer server;
  TestClient client(server);
  client.Send(Get("/a") + Get("/wait/50") + Get("/b"));
  client.EndSending();
  const std::string answers = client.ReadToEnd();
  EXPECT_EQ(CountOf(answers, "HTTP/1.1 200 OK"), 3u);
  EXPECT_EQ(CountOf(answers, "Connection: close"), 1u);
  EXPECT_FALSE(client.was_reset());
}

TEST(Connection, ARequestThatBreaksOffIsRefused) {
  TestServer server;
  for (const std::string& bytes : {std::string("GET / HT"), std::string("PRI * HTTP/2.0\r\n"),
                                   Get("/a").substr(0, 20), Chunked("/a").substr(0, 60)}) {
    TestClient client(server);
    client.Send(bytes);
    client.EndSending();
    EXPECT_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 400 ")) << bytes;
  }
  TestClient silent(server);
  silent.EndSending();
  EXPECT_EQ(silent.ReadToEnd(), "");
}

TEST(Connection, AHalfClosedClientIsAskedWhetherItIsThere) {
  TestServer server;
  TestClient waiting(server);
  waiting.Send(Get("/wait/2500"));
  waiting.EndSending();
  TestClient reading(server);
  reading.Send(Get("/stream/1000"));
  EXPECT_THAT(reading.ReadUntil("begin;"), HasSubstr("begin;"));
  reading.EndSending();
  EXPECT_THAT(reading.ReadToEnd(), HasSubstr("fill;"));
  EXPECT_THAT(waiting.ReadToEnd(), StartsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
}

TEST(Connection, AClientThatIsGoneIsNoticed) {
  TestServer server;
  {
    TestClient waiting(server);
    waiting.Send(Get("/wait/60000"));
    TestClient reading(server);
    reading.Send(Get("/stream/60000"));
    reading.ReadUntil("begin;");
    ASSERT_TRUE(Eventually([&] { return server.handler().running == 2; }));
  }
  EXPECT_TRUE(Eventually([&] { return server.handler().gone == 2; }, milliseconds(5'000)));
  EXPECT_TRUE(Eventually([&] { return server.connections() == 0; }));
}

// The client's system must not buffer what it does not read.
constexpr int kSmallBuffer = 4 << 10;

TEST(Connection, AnEarlyRefusalReachesAClientThatSendsItsWholeBodyFirst) {
  TestServer server({}, {.max_body = 1000});
  for (const bool chunked : {false, true}) {
    TestClient client(server);
    constexpr size_t kSize = 20u << 20;
    client.Send(chunked
                    ? "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1400000\r\n"
                    : "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 20971520\r\n\r\n");
    std::this_thread::sleep_for(milliseconds(1'500));
    EXPECT_TRUE(client.Send(std::string(kSize, 'x')));
    EXPECT_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 413 "));
    EXPECT_FALSE(client.was_reset());
  }
}

std::string Post(const std::string& target, size_t length, const std::string& body) {
  return "POST " + target + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(length) +
         "\r\n\r\n" + body;
}

TEST(Connection, ABodyThatNobodyReadsIsDroppedBehindTheAnswer) {
  TestServer server;
  // Here already, in two parts, and in chunks that are here.
  const std::vector<std::vector<std::string>> requests = {
      {Post("/unread/0", 10, "GET / HTTP") + Get("/next")},
      {Post("/unread/0", 10, "GET /"), " HTTP" + Get("/next")},
      {Chunked("/unread/0") + Get("/next")},
      {Post("/unread/0", 64 << 10, std::string(1'000, 'x')),
       std::string((64 << 10) - 1'000, 'x') + Get("/next")}};
  for (const std::vector<std::string>& parts : requests) {
    TestClient client(server);
    client.Send(parts[0]);
    std::string answers;
    if (parts.size() > 1) {
      answers = client.ReadUntil("Host=h");
      client.Send(parts[1]);
    }
    answers += client.ReadUntil("|/next|");
    EXPECT_EQ(CountOf(answers, "HTTP/1.1 200 OK"), 2u) << answers;
  }
}

TEST(Connection, AnUnreadBodyThatIsLargeOrHasNoKnownEndCostsTheConnection) {
  TestServer server;
  for (const std::string& request :
       {Post("/unread/0", (64 << 10) + 1, "some"),
        std::string(
            "POST /unread/0 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nso"),
        std::string("POST /unread/0 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                    "Content-Length: 10\r\n\r\n")}) {
    TestClient client(server);
    client.Send(request);
    const std::string answer = client.ReadToEnd();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK"));
    EXPECT_THAT(answer, HasSubstr("Connection: close"));
  }
}

TEST(Connection, WhatComesBehindAnUnreadBodyIsNoSecondAnswerWhenItBreaksOff) {
  TestServer server;
  TestClient client(server);
  client.Send(Post("/unread/0", 10, "1234"));
  std::string answers = client.ReadUntil("Host=h");
  client.EndSending();
  answers += client.ReadToEnd();
  EXPECT_EQ(CountOf(answers, "HTTP/1.1 "), 1u);
}

TEST(Connection, AHandlerThatDoesNotWantTheBodyYetHoldsTheClientUp) {
  TestServer server;
  TestClient client(server);
  constexpr size_t kSize = 30u << 20;
  client.Send(Post("/unread/1000", kSize, ""));
  // More than the systems between them take is not read meanwhile.
  std::atomic<bool> sent = false;
  std::thread sending([&] { sent = client.Send(std::string(kSize, 'x')); });
  std::this_thread::sleep_for(milliseconds(700));
  EXPECT_FALSE(sent);
  EXPECT_LT(server.buffered(), 1u << 20);
  EXPECT_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 200 OK"));
  sending.join();
}

TEST(Connection, AClientThatGoesInTheMiddleOfABodyEndsItsHandler) {
  TestServer server;
  {
    TestClient client(server);
    client.Send(Post("/a", 100, "some"));
    ASSERT_TRUE(Eventually([&] { return server.handler().running == 1; }));
  }
  EXPECT_TRUE(Eventually([&] { return server.handler().running == 0; }));
  EXPECT_TRUE(Eventually([&] { return server.buffered() == 0; }));
}

TEST(Connection, BodiesThatStopAreRefusedInTime) {
  TestServer server({.body = milliseconds(300)});
  TestClient client(server);
  client.Send(Post("/a", 100, "some"));
  EXPECT_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 408 "));
}

TEST(Connection, AReaderThatStopsIsEnded) {
  TestServer server({.write = milliseconds(1'000)});
  TestClient client(server, kSmallBuffer);
  client.Send(Get("/flood"));
  client.ReadSome(1000);
  const auto begin = steady_clock::now();
  EXPECT_TRUE(Eventually([&] { return server.handler().gone == 1; }));
  EXPECT_GE(steady_clock::now() - begin, milliseconds(900));
  EXPECT_TRUE(Eventually([&] { return server.connections() == 0; }));
}

// All of the answer has been taken by this side's system, and still it waits for the client.
TEST(Connection, AReaderThatStopsIsEndedAlsoByTheSystem) {
  TestServer server({.idle = milliseconds(60'000), .write = milliseconds(1'000)});
  TestClient client(server, kSmallBuffer);
  client.Send(Get("/large/60000"));
  ASSERT_TRUE(Eventually([&] { return server.connections() == 1; }));
  EXPECT_TRUE(Eventually([&] { return server.connections() == 0; }));
}

TEST(Connection, ASlowReaderIsNotEnded) {
  TestServer server({.write = milliseconds(1'000)});
  TestClient client(server, kSmallBuffer);
  client.Send(Get("/flood"));
  const auto end = steady_clock::now() + milliseconds(4'000);
  while (steady_clock::now() < end) {
    ASSERT_FALSE(client.ReadSome(8'000).empty());
    std::this_thread::sleep_for(milliseconds(200));
  }
  EXPECT_EQ(server.handler().gone, 0);
}

TEST(Connection, HeadsThatComeTooSlowlyAreRefused) {
  TestServer server({.head = milliseconds(500), .idle = milliseconds(60'000)});
  TestClient client(server);
  client.Send(Get("/a"));
  client.ReadUntil("\r\n\r\nGET|/a|h|Host=h|");
  // The time of a later head begins with its first byte, too.
  client.Send("GET /b HTTP/1.1\r\n");
  const auto begin = steady_clock::now();
  EXPECT_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 408 "));
  EXPECT_LT(steady_clock::now() - begin, milliseconds(3'000));
}

}  // namespace
}  // namespace ds::http

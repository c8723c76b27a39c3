#ifndef GATEWAY_HTTP_TEST_SERVER_H_
#define GATEWAY_HTTP_TEST_SERVER_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/http/io_thread.h"
#include "gateway/http/server.h"
#include "gateway/http/server_shared.h"

namespace ds::http {

// What a request says, in one line: method, target, authority, fields and body.
std::string Describe(const Request& request);

// Answers by the target, for tests; numbers are at most a million:
//   /wait/MS    holds views of the whole request for that long, then says what it says
//   /unread/MS  the same, without a look at the body
//   /stream/MS  streams "begin;", waits for that long, streams "end;"; its filler is "fill;"
//   /flood      streams pieces of 64 KiB until the peer goes
//   /large/N    N bytes
//   all others  what the request says
class TestHandler final : public Handler {
 public:
  Task<int> Handle(Exchange& exchange) override;
  Response Refuse(Exchange& exchange, const absl::Status& error) override;

  // Handlers at work, and those that ended because their peer went.
  std::atomic<int> running{0};
  std::atomic<int> gone{0};

 private:
  Task<int> Wait(Exchange& exchange, std::chrono::milliseconds time);
  Task<int> Stream(Exchange& exchange, std::chrono::milliseconds time);
  Task<int> Flood(Exchange& exchange);
};

// A server on a loopback port, with one thread.
class TestServer {
 public:
  explicit TestServer(const Timeouts& timeouts = {}, const Limits& limits = {});
  ~TestServer();

  uint16_t port() const { return server_->port(); }
  TestHandler& handler() { return handler_; }
  uint64_t connections() const { return shared_->connections.load(); }
  // Memory of bodies.
  uint64_t buffered() const { return shared_->bodies.bytes(); }

 private:
  TestHandler handler_;
  IoThread io_{0};
  std::shared_ptr<ServerShared> shared_ = std::make_shared<ServerShared>();
  std::unique_ptr<Server> server_;
};

// A blocking client; what takes longer than 10 s fails.
class TestClient {
 public:
  // `receive_buffer`: of the socket, in bytes; 0 leaves it as it is.
  explicit TestClient(const TestServer& server, int receive_buffer = 0);
  ~TestClient() { Close(); }

  // False when the server has closed.
  bool Send(std::string_view bytes);
  void EndSending();
  void Close();
  // Reads until `text` has come, or the end; all that has come since the last call.
  std::string ReadUntil(std::string_view text);
  std::string ReadToEnd();
  // One piece of at most `size` bytes; empty at the end.
  std::string ReadSome(size_t size);
  // Whether the connection was reset.
  bool was_reset() const { return was_reset_; }

 private:
  int socket_;
  bool was_reset_ = false;
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_TEST_SERVER_H_

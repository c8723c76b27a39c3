// What an HTTP/2 client sends, through a whole connection on a transport in memory: nothing breaks
// or is left behind, and only requests that HTTP/2 allows reach the handler.
//
// The first byte of an input says how the rest is to be taken; see Script.

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/turn.h"
#include "gateway/http/authority.h"
#include "gateway/http/characters.h"
#include "gateway/http/http2_connection.h"
#include "gateway/http/test_server.h"
#include "spdlog/spdlog.h"

namespace ds::http {
namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

// What the client sends stands in `in`; what it is sent is counted.
struct Wire {
  std::string in;
  bool ended = false;
  size_t room = SIZE_MAX;  // what it still takes
};

class MemoryTransport final : public Transport {
 public:
  explicit MemoryTransport(std::shared_ptr<Wire> wire)
      : wire_(std::move(wire)), socket_(::eventfd(0, EFD_CLOEXEC)) {}
  ~MemoryTransport() override { ::close(socket_); }

  ssize_t Receive(char* buffer, size_t size) override {
    if (wire_->in.empty()) {
      errno = EAGAIN;
      return wire_->ended ? 0 : -1;
    }
    const size_t take = std::min(size, wire_->in.size());
    std::memcpy(buffer, wire_->in.data(), take);
    wire_->in.erase(0, take);
    return static_cast<ssize_t>(take);
  }
  ssize_t Send(const iovec* iovecs, size_t count) override {
    size_t size = 0;
    for (size_t i = 0; i < count; ++i) size += iovecs[i].iov_len;
    size = std::min(size, wire_->room);
    if (wire_->room != SIZE_MAX) wire_->room -= size;
    if (size > 0) return static_cast<ssize_t>(size);
    errno = EAGAIN;
    return -1;
  }
  void EndSending() override {}
  int socket() const override { return socket_; }
  bool secure() const override { return false; }
  bool short_receive_means_empty() const override { return true; }
  bool receive_wants_writable() const override { return false; }
  bool send_wants_readable() const override { return false; }

 private:
  const std::shared_ptr<Wire> wire_;
  const int socket_;
};

class CheckingHandler final : public Handler {
 public:
  Task<int> Handle(Exchange& exchange) override {
    const Request& request = exchange.request();
    CheckRequest(request);
    const int status = co_await handler_.Handle(exchange);
    if (status == 200 && !request.target().starts_with("/unread/")) CheckLength(request);
    co_return status;
  }
  Response Refuse(Exchange& exchange, const absl::Status& error) override {
    return handler_.Refuse(exchange, error);
  }
  int running() const { return handler_.running; }

 private:
  static void CheckRequest(const Request& request) {
    const std::string_view method = request.method();
    const std::string_view target = request.target();
    Check(!method.empty() && std::all_of(method.begin(), method.end(), IsTokenCharacter));
    Check(target.starts_with('/') || method == "CONNECT" || (target == "*" && method == "OPTIONS"));
    Check(request.authority().empty() || IsValidAuthority(request.authority()));
    for (size_t i = 0; i < request.header_count(); ++i) {
      const auto [name, value] = request.header(i);
      Check(!name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return IsTokenCharacter(c) && !(c >= 'A' && c <= 'Z');
      }));
      Check(std::all_of(value.begin(), value.end(), IsFieldCharacter));
    }
    for (const char* name :
         {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}) {
      Check(request.Count(name) == 0);
    }
    Check(request.Find("te").value_or("trailers") == "trailers");
    Check(request.Count("host") <= 1 && request.Count("content-length") <= 1);
  }

  static void CheckLength(const Request& request) {
    const auto length = request.Find("content-length");
    if (!length) return;
    uint64_t announced = 0;
    std::from_chars(length->data(), length->data() + length->size(), announced);
    Check(announced == request.body.size());
  }

  TestHandler handler_;
};

// An input, taken apart.
class Script {
 public:
  Script(const uint8_t* data, size_t size)
      : flags_(size > 0 ? data[0] : 0),
        rest_(reinterpret_cast<const char*>(data) + (size > 0), size - (size > 0)) {}

  bool preface() const { return (flags_ & 1) == 0; }  // is put in front
  bool frames() const { return (flags_ & 2) == 0; }  // with headers made here, or bytes as they are
  bool ends() const { return (flags_ & 4) != 0; }    // the client ends its side
  bool slow() const { return (flags_ & 8) != 0; }    // it reads little
  bool drains() const { return (flags_ & 16) != 0; }  // the server does, meanwhile
  bool done() const { return rest_.empty(); }

  // What comes at once. Of frames: type, flags, stream, and how long, a byte each; then the
  // payload.
  std::string Next() {
    if (!frames()) return std::string(Take(1 + rest_.size() / 3));
    const std::string_view head = Take(4);
    const auto byte = [&](size_t i) { return i < head.size() ? head[i] : '\0'; };
    const std::string_view payload = Take(static_cast<unsigned char>(byte(3)));
    std::string frame(9, '\0');
    frame[1] = static_cast<char>(payload.size() >> 8);
    frame[2] = static_cast<char>(payload.size());
    frame[3] = byte(0);
    frame[4] = byte(1);
    frame[8] = byte(2);
    return frame.append(payload);
  }

 private:
  std::string_view Take(size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  const unsigned flags_;
  std::string_view rest_;
};

// Runs what was put off, until nothing is left.
void RunTurns(IoThread& io) {
  size_t ran = 1;
  while (ran > 0) {
    const Turn turn;
    ran = io.context().poll();
    io.context().restart();
  }
}

void Run(Script script) {
  static IoThread& io = *new IoThread(0);  // its thread is this one
  CheckingHandler handler;
  const auto shared = std::make_shared<ServerShared>();
  shared->handler = &handler;
  shared->limits = {.max_request_line = 200, .max_head = 1000, .max_headers = 10, .max_body = 1000};
  shared->http2 = {.max_streams = 5, .control_burst = 50, .control_per_second = 10};
  const auto wire = std::make_shared<Wire>();
  if (script.slow()) wire->room = 1000;
  std::string begin(Http2Connection::kPreface);
  if (script.preface()) begin.append("\0\0\0\4\0\0\0\0\0", 9);
  std::shared_ptr<Http2Connection> connection;
  {
    const Turn turn;
    connection = Http2Connection::Start(std::make_unique<MemoryTransport>(wire), io, shared,
                                        std::move(begin));
  }
  while (!script.done()) {
    wire->in.append(script.Next());
    const bool last = script.done();
    if (last) wire->ended = script.ends();
    if (last) shared->draining = script.drains();
    if (connection->closed()) break;
    {
      const Turn turn;
      connection->OnReady({.readable = true, .writable = true, .ended = wire->ended});
    }
    RunTurns(io);
    if (last && !connection->closed()) {
      const Turn turn;
      connection->Sweep(io.now());
    }
  }
  RunTurns(io);
  if (!connection->closed()) connection->Shutdown();
  connection.reset();
  RunTurns(io);
  Check(handler.running() == 0);
  Check(shared->connections == 0 && shared->http2_streams == 0 && shared->bodies.bytes() == 0);
}

}  // namespace
}  // namespace ds::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  spdlog::set_level(spdlog::level::off);
  ds::http::Run({data, size});
  return 0;
}

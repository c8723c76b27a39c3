#include "gateway/http/test_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <coroutine>
#include <cstdlib>
#include <utility>
#include <vector>

#include "storage/api/errors.h"

namespace ds::http {
namespace {

// Waits for a time, or until the peer goes.
class Pause final : public Exchange::GoneObserver, public Timed {
 public:
  Pause(Exchange& exchange, std::chrono::milliseconds time) : exchange_(exchange), time_(time) {}

  bool await_ready() const { return exchange_.gone(); }
  void await_suspend(std::coroutine_handle<> coroutine) {
    coroutine_ = coroutine;
    exchange_.NotifyGone(this);
    exchange_.io().timers().Start(*this, std::chrono::steady_clock::now() + time_);
  }
  // Whether the peer is still there.
  bool await_resume() const { return !exchange_.gone(); }

  void OnTime() override {
    if (!exchange_.gone()) exchange_.NotifyGone(nullptr);
    coroutine_.resume();
  }
  void OnGone() override {
    exchange_.io().timers().Cancel(*this);
    coroutine_.resume();
  }

 private:
  Exchange& exchange_;
  const std::chrono::milliseconds time_;
  std::coroutine_handle<> coroutine_;
};

Response Text(int status, std::string text) {
  Response response{.status = status};
  response.Add("Content-Type", "text/plain");
  response.body.emplace_back(std::move(text));
  return response;
}

// The number behind `prefix`, at most a million.
int64_t NumberAfter(std::string_view target, std::string_view prefix) {
  const int64_t number = std::atoll(std::string(target.substr(prefix.size())).c_str());
  return std::clamp<int64_t>(number, 0, 1'000'000);
}

}  // namespace

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

Task<int> TestHandler::Handle(Exchange& exchange) {
  ++running;
  const std::string target(exchange.request().target());
  int status = 0;
  absl::Status body;
  if (!target.starts_with("/unread/")) {
    const auto owners = [] { return BodyOwners{"test", ""}; };
    Exchange::BodyReading reading = exchange.ReadBody(exchange.MaxBody(), owners);
    body = co_await reading;
  }
  if (!body.ok()) {
    status = co_await exchange.Respond(Refuse(exchange, body));
  } else if (target.starts_with("/wait/") || target.starts_with("/unread/")) {
    status =
        co_await Wait(exchange, std::chrono::milliseconds(NumberAfter(
                                    target, target.starts_with("/wait/") ? "/wait/" : "/unread/")));
  } else if (target.starts_with("/stream/")) {
    status = co_await Stream(exchange, std::chrono::milliseconds(NumberAfter(target, "/stream/")));
  } else if (target == "/flood") {
    status = co_await Flood(exchange);
  } else if (target.starts_with("/large/")) {
    const auto size = static_cast<size_t>(NumberAfter(target, "/large/"));
    status = co_await exchange.Respond(Text(200, std::string(size, 'x')));
  } else {
    status = co_await exchange.Respond(Text(200, Describe(exchange.request())));
  }
  gone += exchange.gone();
  --running;
  co_return status;
}

Response TestHandler::Refuse(Exchange&, const absl::Status& error) {
  return Text(ds::Describe(GetErrorCode(error)).http_status, std::string(error.message()));
}

Task<int> TestHandler::Wait(Exchange& exchange, std::chrono::milliseconds time) {
  const Request& request = exchange.request();
  const std::string before = Describe(request);
  std::vector<Request::Header> views;
  for (size_t i = 0; i < request.header_count(); ++i) views.push_back(request.header(i));
  Pause pause(exchange, time);
  if (!co_await pause) co_return 0;
  std::string seen;
  for (const Request::Header& view : views) seen.append(view.name).append(view.value);
  const bool same = Describe(request) == before && !seen.empty();
  co_return co_await exchange.Respond(Text(same ? 200 : 500, before));
}

Task<int> TestHandler::Stream(Exchange& exchange, std::chrono::milliseconds time) {
  const std::string_view method = exchange.request().method();
  if (!co_await exchange.StartStream(Text(200, ""), "fill;")) co_return 200;
  Pieces begin;
  begin.emplace_back(std::string("begin;"));
  if (!co_await exchange.Write(std::move(begin))) co_return 200;
  Pause pause(exchange, time);
  if (!co_await pause) co_return 200;
  Pieces end;
  end.emplace_back("end of " + std::string(method) + ";");
  co_await exchange.Write(std::move(end));
  co_await exchange.EndStream();
  co_return 200;
}

Task<int> TestHandler::Flood(Exchange& exchange) {
  if (!co_await exchange.StartStream(Text(200, ""))) co_return 200;
  const SharedPayload piece(std::string(64 << 10, 'x'));
  const SharedPayload* const pieces[] = {&piece};
  do {
    exchange.SendShared(pieces);
  } while (co_await exchange.Sent());
  co_return 200;
}

TestServer::TestServer(const Timeouts& timeouts, const Limits& limits) {
  shared_->timeouts = timeouts;
  shared_->limits = limits;
  shared_->handler = &handler_;
  io_.Start();
  server_ = std::make_unique<Server>(std::vector<IoThread*>{&io_}, shared_);
  if (!server_->Listen("127.0.0.1:0").ok()) std::abort();
}

TestServer::~TestServer() {
  server_->Drain(absl::ZeroDuration());
  io_.Stop();
}

TestClient::TestClient(const TestServer& server, int receive_buffer)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (receive_buffer > 0) {
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  const timeval limit{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    std::abort();
  }
}

bool TestClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void TestClient::EndSending() { ::shutdown(socket_, SHUT_WR); }

void TestClient::Close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

std::string TestClient::ReadSome(size_t size) {
  std::string bytes(size, '\0');
  const ssize_t count = ::recv(socket_, bytes.data(), size, 0);
  if (count < 0) was_reset_ = errno == ECONNRESET;
  bytes.resize(count > 0 ? static_cast<size_t>(count) : 0);
  return bytes;
}

std::string TestClient::ReadUntil(std::string_view text) {
  std::string all;
  while (text.empty() || all.find(text) == std::string::npos) {
    const std::string more = ReadSome(64 << 10);
    if (more.empty()) break;
    all += more;
  }
  return all;
}

std::string TestClient::ReadToEnd() { return ReadUntil(""); }

}  // namespace ds::http

#include "gateway/http/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <charconv>
#include <chrono>
#include <future>
#include <utility>

#include "absl/time/clock.h"
#include "base/limited_log.h"
#include "gateway/http/tls.h"

namespace ds::http {
namespace {

namespace asio = boost::asio;

// A moment without file handles must not become a busy loop.
constexpr auto kAcceptRetry = std::chrono::milliseconds(50);

absl::StatusOr<asio::ip::tcp::endpoint> ParseHostPort(const std::string& host_port) {
  const size_t colon = host_port.rfind(':');
  const auto error = [&](const std::string& why) {
    return absl::InvalidArgumentError("cannot listen on '" + host_port + "': " + why);
  };
  if (colon == std::string::npos) return error("expected HOST:PORT");
  unsigned port = 0;
  const char* const end = host_port.data() + host_port.size();
  const auto parsed = std::from_chars(host_port.data() + colon + 1, end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end || port > 65535) return error("bad port");
  std::string host = host_port.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  if (host == "localhost") host = "127.0.0.1";
  if (host.empty() || host == "*") host = "0.0.0.0";
  boost::system::error_code failed;
  const asio::ip::address address = asio::ip::make_address(host, failed);
  if (failed) return error("the host must be an IP address or localhost");
  return asio::ip::tcp::endpoint(address, static_cast<uint16_t>(port));
}

// What a peer does not acknowledge for so long ends its connection, also when all of it is in the
// system's buffers. Accepted sockets have this from the one that listens.
void BoundUnacknowledged(int socket, std::chrono::milliseconds timeout) {
  const auto milliseconds = static_cast<unsigned>(timeout.count());
  ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
}

}  // namespace

Server::Server(std::vector<IoThread*> threads, std::shared_ptr<ServerShared> shared)
    : threads_(std::move(threads)), shared_(std::move(shared)) {}

Server::~Server() = default;

absl::Status Server::Listen(const std::string& host_port) {
  const absl::StatusOr<asio::ip::tcp::endpoint> endpoint = ParseHostPort(host_port);
  if (!endpoint.ok()) return endpoint.status();
  boost::system::error_code error;
  acceptor_ = std::make_unique<Acceptor>(threads_[0]->context());
  retry_ = std::make_unique<asio::steady_timer>(threads_[0]->context());
  acceptor_->open(endpoint->protocol(), error);
  if (!error) acceptor_->set_option(asio::socket_base::reuse_address(true), error);
  if (!error) BoundUnacknowledged(acceptor_->native_handle(), shared_->timeouts.write);
  if (!error) acceptor_->bind(*endpoint, error);
  if (!error) acceptor_->listen(4096, error);
  if (error) {
    return absl::UnavailableError("cannot listen on " + host_port + ": " + error.message());
  }
  port_ = acceptor_->local_endpoint().port();
  const std::string host = endpoint->address().to_string();
  address_ = (endpoint->address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(port_);
  threads_[0]->Post([this] { Accept(); });
  return absl::OkStatus();
}

void Server::Accept() {
  IoThread& io = *threads_[next_thread_];
  next_thread_ = (next_thread_ + 1) % threads_.size();
  acceptor_->async_accept(
      threads_[0]->context(), [this, &io](const boost::system::error_code& error, Socket socket) {
        if (error == asio::error::operation_aborted) return;
        if (error) {
          static LogLimit limit;
          LogLimited(limit, spdlog::level::warn, "cannot accept a connection: {}", error.message());
          retry_->expires_after(kAcceptRetry);
          retry_->async_wait([this](const boost::system::error_code& aborted) {
            if (!aborted) Accept();
          });
          return;
        }
        const auto is_full = [this] {
          return shared_->connections.load() >= shared_->max_connections;
        };
        if (!is_full() || (shared_->evicts && io.EvictOldest() && !is_full())) {
          boost::system::error_code ignored;
          socket.non_blocking(true, ignored);
          const int handle = socket.release(ignored);
          std::unique_ptr<Transport> transport = shared_->tls != nullptr
                                                     ? shared_->tls->MakeTransport(handle)
                                                     : MakePlainTransport(handle);
          auto connection = std::make_shared<Connection>(std::move(transport), io, shared_);
          io.Post([connection = std::move(connection)] { connection->Start(); });
        } else {
          ++shared_->refused_connections;
        }
        Accept();
      });
}

void Server::Drain(absl::Duration timeout) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(timeout);
  shared_->draining = true;
  std::promise<void> closed;
  threads_[0]->Post([&] {
    boost::system::error_code ignored;
    if (acceptor_) acceptor_->close(ignored);
    if (retry_) retry_->cancel();
    closed.set_value();
  });
  closed.get_future().wait();
  while (shared_->connections.load() > 0 && std::chrono::steady_clock::now() < deadline) {
    absl::SleepFor(absl::Milliseconds(20));
  }
}

}  // namespace ds::http

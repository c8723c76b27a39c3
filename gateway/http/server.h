#ifndef GATEWAY_HTTP_SERVER_H_
#define GATEWAY_HTTP_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "boost/asio/ip/tcp.hpp"
#include "gateway/http/connection.h"
#include "gateway/http/io_thread.h"
#include "gateway/http/server_shared.h"

namespace ds::http {

// Listens on one address and deals the connections out to the threads in turn, so that each has the
// same number of them. Thread-safe after Start.
class Server {
 public:
  // `threads` must run, outlive the server and not be empty; `shared->handler` too.
  Server(std::vector<IoThread*> threads, std::shared_ptr<ServerShared> shared);
  ~Server();

  // Listens on HOST:PORT; port 0 picks a free one. Errors: InvalidArgument, Unavailable.
  absl::Status Listen(const std::string& host_port);
  // Where it listens, as HOST:PORT.
  const std::string& address() const { return address_; }
  uint16_t port() const { return port_; }

  // Accepts no more, closes what is idle and waits until the other connections are done, `timeout`
  // at most.
  void Drain(absl::Duration timeout);

 private:
  // A socket with a concrete executor: Asio's type-erased one costs CPU on every operation.
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp,
                                                  boost::asio::io_context::executor_type>;
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp,
                                                      boost::asio::io_context::executor_type>;
  void Accept();

  const std::vector<IoThread*> threads_;
  const std::shared_ptr<ServerShared> shared_;
  std::unique_ptr<Acceptor> acceptor_;
  std::unique_ptr<boost::asio::steady_timer> retry_;
  size_t next_thread_ = 0;
  std::string address_;
  uint16_t port_ = 0;
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_SERVER_H_

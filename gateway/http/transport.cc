#include "gateway/http/transport.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ds::http {
namespace {

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(int socket) : socket_(socket) {}
  ~PlainTransport() override { ::close(socket_); }

  ssize_t Receive(char* buffer, size_t size) override { return ::recv(socket_, buffer, size, 0); }

  ssize_t Send(const iovec* iovecs, size_t count) override {
    if (count == 1) return ::send(socket_, iovecs[0].iov_base, iovecs[0].iov_len, MSG_NOSIGNAL);
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(iovecs);
    message.msg_iovlen = count;
    return ::sendmsg(socket_, &message, MSG_NOSIGNAL);
  }

  void EndSending() override { ::shutdown(socket_, SHUT_WR); }
  int socket() const override { return socket_; }
  bool secure() const override { return false; }
  bool short_receive_means_empty() const override { return true; }
  bool receive_wants_writable() const override { return false; }
  bool send_wants_readable() const override { return false; }

 private:
  const int socket_;
};

}  // namespace

std::unique_ptr<Transport> MakePlainTransport(int socket) {
  return std::make_unique<PlainTransport>(socket);
}

std::string PeerAddressOf(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in&>(address).sin_addr, text, sizeof text);
  } else if (address.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6&>(address).sin6_addr, text, sizeof text);
  }
  return text;
}

}  // namespace ds::http

#ifndef GATEWAY_HTTP_TRANSPORT_H_
#define GATEWAY_HTTP_TRANSPORT_H_

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <string>

namespace ds::http {

// The bytes of one connected, non-blocking socket, in clear or within TLS. Owns the socket. One
// thread at a time.
class Transport {
 public:
  virtual ~Transport() = default;

  // As recv(2): how many bytes came, 0 at the peer's end, -1 with errno; EAGAIN when there is
  // nothing for now.
  virtual ssize_t Receive(char* buffer, size_t size) = 0;
  // As sendmsg(2): how many bytes were taken, or -1 with errno. After EAGAIN the next call must
  // begin with the same bytes.
  virtual ssize_t Send(const iovec* iovecs, size_t count) = 0;
  // Says that nothing more will be sent.
  virtual void EndSending() = 0;

  virtual int socket() const = 0;
  // Whether others on the way can read along.
  virtual bool secure() const = 0;
  // Whether a Receive that brought less than it had room for has emptied the socket.
  virtual bool short_receive_means_empty() const = 0;
  // A handshake within the stream may have to send before it can receive, and the other way round.
  virtual bool receive_wants_writable() const = 0;
  virtual bool send_wants_readable() const = 0;
};

std::unique_ptr<Transport> MakePlainTransport(int socket);

// The IP address of a socket's peer, without its port; empty when it is not connected.
std::string PeerAddressOf(int socket);

}  // namespace ds::http

#endif  // GATEWAY_HTTP_TRANSPORT_H_

#ifndef GATEWAY_HTTP_SEND_QUEUE_H_
#define GATEWAY_HTTP_SEND_QUEUE_H_

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "gateway/http/message.h"
#include "gateway/http/transport.h"

namespace ds::http {

// What one connection sends, piece after piece: handed to the transport at once as far as that
// takes it, and kept for Flush beyond. Owned by a connection, on its thread.
class SendQueue {
 public:
  // Each returns false when the transport has failed.
  [[nodiscard]] bool Send(Transport& transport, std::string head, Pieces pieces);
  // Likewise, of bytes shared with others, with or without the frame of the chunked coding.
  [[nodiscard]] bool SendShared(Transport& transport, std::span<const SharedPayload* const> chunks,
                                bool framed);
  // Goes on with what waits, when the transport takes more.
  [[nodiscard]] bool Flush(Transport& transport);

  // Nothing waits.
  bool empty() const { return pieces_.empty(); }
  // How many bytes the transport has taken in all.
  uint64_t taken() const { return taken_; }
  // Gives memory back that is not in use.
  void Shrink();

 private:
  // Hands over what the transport takes now: how much that was, 0 when it has failed.
  size_t Hand(Transport& transport, iovec* iovecs, size_t count);

  Pieces pieces_;
  size_t index_ = 0;   // the piece that is being sent
  size_t offset_ = 0;  // how much of it is sent
  uint64_t taken_ = 0;
  bool failed_ = false;
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_SEND_QUEUE_H_

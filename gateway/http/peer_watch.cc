#include "gateway/http/peer_watch.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

namespace ds::http {
namespace {

// Bytes that the peer's side has not acknowledged; 0 when the kernel does not know.
int64_t Unacknowledged(int socket) {
  int bytes = 0;
  return ioctl(socket, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

}  // namespace

bool StallWatch::Stalled(bool waiting, uint64_t taken, int socket, SteadyTime now,
                         std::chrono::milliseconds timeout) {
  if (!waiting) {
    since_.reset();
    return false;
  }
  const int64_t unacknowledged = Unacknowledged(socket);
  if (!since_ || taken != taken_ || unacknowledged < unacknowledged_) {
    since_ = now;
    taken_ = taken;
  }
  unacknowledged_ = unacknowledged;
  return now - *since_ > timeout;
}

}  // namespace ds::http

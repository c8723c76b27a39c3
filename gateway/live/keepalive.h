#ifndef GATEWAY_LIVE_KEEPALIVE_H_
#define GATEWAY_LIVE_KEEPALIVE_H_

#include <chrono>

#include "absl/time/time.h"
#include "gateway/http/message.h"
#include "gateway/http/timer_queue.h"

namespace ds {

// What an idle response of server-sent events is sent now and then, so that proxies keep it and a
// dead peer is noticed: a comment, which whoever reads events skips. One object serves all readers.
// Thread-safe.
class Keepalive {
 public:
  // Zero: no comments.
  explicit Keepalive(absl::Duration interval);

  bool enabled() const { return interval_ > std::chrono::milliseconds::zero(); }
  const http::SharedPayload& comment() const { return comment_; }

  // When a reader that got its last bytes at `sent` is due a comment, should nothing come before:
  // never more than the interval later. Readers who got the same event at once are spread over the
  // interval's last third with `spread`. Times fall on ticks, so that those of one tick cost their
  // thread one wake-up.
  http::SteadyTime Due(http::SteadyTime sent, bool spread) const;

 private:
  const std::chrono::milliseconds interval_;
  const std::chrono::milliseconds tick_;
  const http::SharedPayload comment_;
};

}  // namespace ds

#endif  // GATEWAY_LIVE_KEEPALIVE_H_

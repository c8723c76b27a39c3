#ifndef GATEWAY_HTTP_PEER_WATCH_H_
#define GATEWAY_HTTP_PEER_WATCH_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "gateway/http/timer_queue.h"

namespace ds::http {

// Tells when a peer has stopped taking what it is sent. Asked a few times within the timeout, it
// costs sending itself nothing.
//
// What counts as taking is what the peer acknowledges, as long as the kernel can tell: a socket's
// buffer holds megabytes, which it may refill only once a third of them is gone, so a slow reader
// that lives may take nothing of what waits here for minutes.
class StallWatch {
 public:
  // `waiting`: bytes wait for the peer. `taken`: how many its socket has taken in all. Returns
  // whether bytes have waited for longer than `timeout` without the peer taking one.
  bool Stalled(bool waiting, uint64_t taken, int socket, SteadyTime now,
               std::chrono::milliseconds timeout);

 private:
  std::optional<SteadyTime> since_;  // of the last sign of life; none while nothing waits
  uint64_t taken_ = 0;
  int64_t unacknowledged_ = 0;
};

// How much of what a peer still sends after its last answer is read and dropped (RFC 9112 section
// 9.6). A socket that is closed before is reset, and a reset takes with it what the peer has not
// read yet: one that reads only when it has sent everything would never see its answer.
class Lingering {
 public:
  // In all, without a byte, and in all while the server stops.
  static constexpr std::chrono::seconds kLongest{30};
  static constexpr std::chrono::seconds kIdle{5};
  static constexpr std::chrono::seconds kLongestInDrain{1};
  static constexpr uint64_t kMaxBytes = 256u << 20;

  void Begin(SteadyTime now) { begun_ = last_ = now; }
  bool active() const { return begun_.has_value(); }
  // Counts what came and is dropped; false when it is enough. REQUIRES: active().
  bool Drop(size_t bytes, SteadyTime now) {
    last_ = now;
    dropped_ += bytes;
    return dropped_ <= kMaxBytes;
  }
  // REQUIRES: active().
  bool Over(SteadyTime now, bool draining) const {
    const std::chrono::seconds longest = draining ? kLongestInDrain : kLongest;
    return now - *begun_ > longest || now - last_ > kIdle;
  }

 private:
  std::optional<SteadyTime> begun_;
  SteadyTime last_;
  uint64_t dropped_ = 0;
};

// When to look whether a peer that has ended its side of a connection is still there: it may have
// gone altogether, which only sending to it can tell.
class Probing {
 public:
  // Before the first time, so that nobody is bothered whose answer comes at once, and in between.
  static constexpr std::chrono::seconds kFirst{1};
  static constexpr std::chrono::seconds kInterval{5};

  void Begin(SteadyTime first) { next_ = first; }
  // True when it is time, and then again after kInterval.
  bool Due(SteadyTime now) {
    if (now < next_) return false;
    next_ = now + kInterval;
    return true;
  }

 private:
  SteadyTime next_ = SteadyTime::max();
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_PEER_WATCH_H_

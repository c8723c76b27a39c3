#ifndef GATEWAY_HANDLERS_PROBE_H_
#define GATEWAY_HANDLERS_PROBE_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "gateway/handlers/operation.h"
#include "metrics/metrics.h"

namespace ds {

// The metrics of the HTTP API. Thread-safe.
class GatewayProbe {
 public:
  explicit GatewayProbe(Metrics& metrics);

  // A request was answered with `status`; 0: its client went before.
  void NoteAnswered(HttpOperation operation, int status, std::chrono::steady_clock::duration took);
  void NoteReceived(size_t body_bytes) {
    if (body_bytes > 0) received_bytes_.Increment(static_cast<double>(body_bytes));
  }

  // Counts a live reader while it lives.
  class LiveReader {
   public:
    explicit LiveReader(prometheus::Gauge& gauge) : gauge_(gauge) { gauge_.Increment(); }
    LiveReader(const LiveReader&) = delete;
    ~LiveReader() { gauge_.Decrement(); }

   private:
    prometheus::Gauge& gauge_;
  };
  prometheus::Gauge& long_poll_readers;
  prometheus::Gauge& sse_readers;

 private:
  static constexpr size_t kClasses = 6;  // none, 1xx to 5xx

  std::array<std::array<prometheus::Counter*, kClasses>, kOperations> requests_{};
  // nullptr for those that wait for news.
  std::array<prometheus::Histogram*, kOperations> seconds_{};
  prometheus::Counter& received_bytes_;
};

}  // namespace ds

#endif  // GATEWAY_HANDLERS_PROBE_H_

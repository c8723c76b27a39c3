#ifndef GATEWAY_LIVE_PROBE_H_
#define GATEWAY_LIVE_PROBE_H_

#include "metrics/metrics.h"

namespace ds {

// The metrics of live delivery. Thread-safe.
struct LiveProbe {
  explicit LiveProbe(Metrics& metrics)
      : delivery_lag(metrics.Histogram(
            "durable_streams_delivery_lag_seconds",
            "From a commit's arrival at the gateway until it was handed to all readers of a "
            "thread that keep up.",
            LatencyBounds())),
        slow_reader_moves(metrics.Counter(
            "durable_streams_slow_reader_moves_total",
            "Live readers that did not keep up and went back to reading from the storage.")),
        feeds_lost(metrics.Counter("durable_streams_live_feeds_lost_total",
                                   "Live streams whose connection to the storage broke.")),
        feeds_healed(metrics.Counter(
            "durable_streams_live_feeds_healed_total",
            "Those of them that were followed anew, with their readers still there.")) {}

  prometheus::Histogram& delivery_lag;
  prometheus::Counter& slow_reader_moves;
  prometheus::Counter& feeds_lost;
  prometheus::Counter& feeds_healed;
};

}  // namespace ds

#endif  // GATEWAY_LIVE_PROBE_H_

#ifndef STORAGE_RPC_REMOTE_PROBE_H_
#define STORAGE_RPC_REMOTE_PROBE_H_

#include "metrics/metrics.h"

namespace ds::rpc {

// The gateway's metrics of the hop to the storage. Thread-safe.
struct RemoteProbe {
  explicit RemoteProbe(Metrics& metrics)
      : requests(metrics.Counter("durable_streams_hop_requests_total",
                                 "Calls that were sent to the storage.")),
        messages(metrics.Counter("durable_streams_hop_messages_total",
                                 "Messages that carried them; the calls in one share its cost.")),
        sessions(metrics.Counter("durable_streams_hop_sessions_total",
                                 "Sessions with the storage that were opened.")),
        breaks(metrics.Counter("durable_streams_hop_session_breaks_total",
                               "Sessions with the storage that broke.")),
        repeats(metrics.Counter("durable_streams_hop_repeated_requests_total",
                                "Calls that were sent again after a session broke.")),
        refused(metrics.Counter("durable_streams_hop_refused_requests_total",
                                "Calls that failed because the storage could not be reached or "
                                "too much was waiting for it.")),
        overdue(metrics.Counter("durable_streams_hop_overdue_requests_total",
                                "Calls whose deadline passed without the storage's answer.")) {}

  prometheus::Counter& requests;
  prometheus::Counter& messages;
  prometheus::Counter& sessions;
  prometheus::Counter& breaks;
  prometheus::Counter& repeats;
  prometheus::Counter& refused;
  prometheus::Counter& overdue;
};

}  // namespace ds::rpc

#endif  // STORAGE_RPC_REMOTE_PROBE_H_

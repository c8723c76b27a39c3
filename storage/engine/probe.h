#ifndef STORAGE_ENGINE_PROBE_H_
#define STORAGE_ENGINE_PROBE_H_

#include <cstdint>

#include "metrics/metrics.h"

namespace ds {

// The engine's metrics. What happens per append is counted in `batch`, by the commit thread, and
// handed on once per commit. The references are thread-safe.
struct EngineProbe {
  explicit EngineProbe(Metrics& metrics);

  // Since the last commit; the commit thread's.
  struct Batch {
    uint64_t operations = 0;
    uint64_t appends = 0;
    uint64_t append_bytes = 0;
    uint64_t append_messages = 0;
    uint64_t duplicates = 0;
  } batch;
  // Hands `batch` on; `seconds` is what the write took, sync included.
  void NoteCommit(double seconds);

  prometheus::Counter& appends;
  prometheus::Counter& append_bytes;
  prometheus::Counter& append_messages;
  prometheus::Counter& producer_duplicates;
  prometheus::Counter& producer_fenced;
  prometheus::Counter& producer_gaps;
  prometheus::Histogram& commit_operations;
  prometheus::Histogram& commit_seconds;
  prometheus::Counter& commit_failures;
  prometheus::Counter& streams_created;
  prometheus::Counter& streams_forked;
  prometheus::Counter& streams_deleted;
  prometheus::Counter& streams_expired;
  prometheus::Counter& reads;
  prometheus::Counter& read_bytes;
  prometheus::Counter& read_chunk_hits;
  prometheus::Counter& repacked_records;
  prometheus::Counter& emptied_streams;
  prometheus::Counter& webhook_wakes;
  prometheus::Counter& pull_wakes;
  prometheus::Counter& webhooks_taken;
  prometheus::Counter& webhooks_failed;
  prometheus::Counter& webhook_retries;
  prometheus::Counter& leases_expired;
  prometheus::Counter& clock_steps;
  // See StoreLimits.
  prometheus::Counter& refused_streams;
  prometheus::Counter& refused_producers;
  prometheus::Counter& refused_subscriptions;
  prometheus::Counter& refused_links;
  prometheus::Counter& refused_fork_depth;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_PROBE_H_

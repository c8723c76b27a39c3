#include "storage/engine/probe.h"

namespace ds {
namespace {

prometheus::Counter& LimitRefusals(Metrics& metrics, const char* limit) {
  return metrics.Counter("durable_streams_limit_refusals_total",
                         "Requests that were refused because there is as much as there may be, by "
                         "limit.",
                         {{"limit", limit}});
}

}  // namespace

EngineProbe::EngineProbe(Metrics& metrics)
    : appends(metrics.Counter("durable_streams_appends_total",
                              "Appends that were committed, first contents included.")),
      append_bytes(metrics.Counter("durable_streams_append_bytes_total",
                                   "Bytes of the appends that were committed.")),
      append_messages(metrics.Counter("durable_streams_append_messages_total",
                                      "JSON messages of the appends that were committed.")),
      producer_duplicates(metrics.Counter(
          "durable_streams_producer_duplicates_total",
          "Appends that a producer had sent before, acknowledged without being added.")),
      producer_fenced(metrics.Counter("durable_streams_producer_refusals_total",
                                      "Appends of producers that were refused, by reason.",
                                      {{"reason", "fenced"}})),
      producer_gaps(metrics.Counter("durable_streams_producer_refusals_total",
                                    "Appends of producers that were refused, by reason.",
                                    {{"reason", "sequence_gap"}})),
      commit_operations(metrics.Histogram("durable_streams_commit_operations",
                                          "Operations that one commit carried.",
                                          {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024})),
      commit_seconds(metrics.Histogram(
          "durable_streams_commit_duration_seconds",
          "Duration of the write of one commit, its sync to disk included.", LatencyBounds())),
      commit_failures(metrics.Counter("durable_streams_commit_failures_total",
                                      "Commits that could not be written.")),
      streams_created(metrics.Counter("durable_streams_streams_created_total",
                                      "Streams that were created, forks included.")),
      streams_forked(
          metrics.Counter("durable_streams_forks_created_total", "Forks that were created.")),
      streams_deleted(metrics.Counter("durable_streams_streams_removed_total",
                                      "Streams that were removed, by reason.",
                                      {{"reason", "deleted"}})),
      streams_expired(metrics.Counter("durable_streams_streams_removed_total",
                                      "Streams that were removed, by reason.",
                                      {{"reason", "expired"}})),
      reads(metrics.Counter("durable_streams_reads_total",
                            "Pieces that were read from streams, from memory or from disk.")),
      read_bytes(metrics.Counter("durable_streams_read_bytes_total", "Bytes of those pieces.")),
      read_chunk_hits(metrics.Counter("durable_streams_read_cache_hits_total",
                                      "Pieces that were found in the cache of pieces.")),
      repacked_records(metrics.Counter("durable_streams_repacked_records_total",
                                       "Small records that were joined into larger ones.")),
      emptied_streams(metrics.Counter("durable_streams_deleted_streams_emptied_total",
                                      "Deleted streams whose data was removed from the disk.")),
      webhook_wakes(metrics.Counter("durable_streams_subscription_wakes_total",
                                    "Wakes that were issued, by the subscription's type.",
                                    {{"type", "webhook"}})),
      pull_wakes(metrics.Counter("durable_streams_subscription_wakes_total",
                                 "Wakes that were issued, by the subscription's type.",
                                 {{"type", "pull_wake"}})),
      webhooks_taken(metrics.Counter("durable_streams_webhook_attempts_total",
                                     "Attempts to deliver a webhook, by result.",
                                     {{"result", "taken"}})),
      webhooks_failed(metrics.Counter("durable_streams_webhook_attempts_total",
                                      "Attempts to deliver a webhook, by result.",
                                      {{"result", "failed"}})),
      webhook_retries(metrics.Counter("durable_streams_webhook_retries_total",
                                      "Attempts to deliver a webhook after one that failed.")),
      leases_expired(metrics.Counter("durable_streams_subscription_leases_expired_total",
                                     "Wakes whose worker let the lease run out.")),
      clock_steps(metrics.Counter("durable_streams_clock_steps_total",
                                  "Times that the system's clock was set while the server ran, or "
                                  "before its start.")),
      refused_streams(LimitRefusals(metrics, "streams_per_prefix")),
      refused_producers(LimitRefusals(metrics, "producers_per_stream")),
      refused_subscriptions(LimitRefusals(metrics, "subscriptions")),
      refused_links(LimitRefusals(metrics, "links_per_subscription")),
      refused_fork_depth(LimitRefusals(metrics, "fork_depth")) {}

void EngineProbe::NoteCommit(double seconds) {
  commit_operations.Observe(static_cast<double>(batch.operations));
  commit_seconds.Observe(seconds);
  appends.Increment(static_cast<double>(batch.appends));
  append_bytes.Increment(static_cast<double>(batch.append_bytes));
  append_messages.Increment(static_cast<double>(batch.append_messages));
  producer_duplicates.Increment(static_cast<double>(batch.duplicates));
  batch = {};
}

}  // namespace ds

#ifndef METRICS_PROCESS_H_
#define METRICS_PROCESS_H_

#include <string>

#include "metrics/metrics.h"

namespace ds {

// The metrics that Prometheus' client libraries have of every process (`process_cpu_seconds_total`,
// `process_resident_memory_bytes` and so on), and `durable_streams_build_info`. Linux only.
Metrics::Sampling SampleProcess(Metrics& metrics, const std::string& version,
                                const std::string& role);

}  // namespace ds

#endif  // METRICS_PROCESS_H_

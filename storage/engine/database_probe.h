#ifndef STORAGE_ENGINE_DATABASE_PROBE_H_
#define STORAGE_ENGINE_DATABASE_PROBE_H_

#include "metrics/metrics.h"
#include "storage/engine/database.h"

namespace ds {

// Samples RocksDB: stalls, compactions, caches, its log, its files and the disk that they are on.
// `database` must outlive the sampling.
Metrics::Sampling SampleDatabase(Metrics& metrics, Database& database);

}  // namespace ds

#endif  // STORAGE_ENGINE_DATABASE_PROBE_H_

#include "storage/engine/database_probe.h"

#include <sys/statvfs.h>

#include <string>

#include "rocksdb/statistics.h"

namespace ds {
namespace {

// A number that RocksDB has of the whole database, or of each family and then summed.
struct Property {
  const char* metric;
  const char* help;
  const char* property;
  bool per_family;
};

constexpr Property kProperties[] = {
    {"durable_streams_rocksdb_running_compactions", "Compactions that run now.",
     "rocksdb.num-running-compactions", false},
    {"durable_streams_rocksdb_running_flushes", "Memtables that are being flushed now.",
     "rocksdb.num-running-flushes", false},
    {"durable_streams_rocksdb_pending_compaction_bytes",
     "Bytes that compactions would have to rewrite to bring all levels into shape.",
     "rocksdb.estimate-pending-compaction-bytes", true},
    {"durable_streams_rocksdb_background_errors", "Errors of background work since the start.",
     "rocksdb.background-errors", false},
    {"durable_streams_rocksdb_write_stopped", "1 while RocksDB holds up all writes.",
     "rocksdb.is-write-stopped", false},
    {"durable_streams_rocksdb_delayed_write_rate_bytes",
     "Bytes per second that RocksDB lets through while it slows writes down; 0: it does not.",
     "rocksdb.actual-delayed-write-rate", false},
    {"durable_streams_rocksdb_memtable_bytes", "Memory of all memtables.",
     "rocksdb.cur-size-all-mem-tables", true},
    {"durable_streams_rocksdb_sst_bytes", "Bytes of all table files.",
     "rocksdb.total-sst-files-size", true},
    {"durable_streams_rocksdb_live_data_bytes", "Estimate of the bytes that are not obsolete.",
     "rocksdb.estimate-live-data-size", true},
    {"durable_streams_rocksdb_table_reader_bytes",
     "Memory for indexes and filters outside of the block cache.",
     "rocksdb.estimate-table-readers-mem", true},
};

struct Ticker {
  const char* metric;
  const char* help;
  uint32_t ticker;
  double scale;
};

constexpr double kMicrosecond = 1e-6;
constexpr Ticker kTickers[] = {
    {"durable_streams_rocksdb_stall_seconds_total", "Time for which writes were held up.",
     rocksdb::STALL_MICROS, kMicrosecond},
    {"durable_streams_rocksdb_block_cache_hits_total", "Blocks that were in the block cache.",
     rocksdb::BLOCK_CACHE_HIT, 1},
    {"durable_streams_rocksdb_block_cache_misses_total", "Blocks that were not in the block cache.",
     rocksdb::BLOCK_CACHE_MISS, 1},
    {"durable_streams_rocksdb_wal_bytes_total", "Bytes written to the write-ahead log.",
     rocksdb::WAL_FILE_BYTES, 1},
    {"durable_streams_rocksdb_wal_syncs_total", "Syncs of the write-ahead log.",
     rocksdb::WAL_FILE_SYNCED, 1},
    {"durable_streams_rocksdb_flush_bytes_total", "Bytes written by flushes of memtables.",
     rocksdb::FLUSH_WRITE_BYTES, 1},
    {"durable_streams_rocksdb_compaction_read_bytes_total", "Bytes read by compactions.",
     rocksdb::COMPACT_READ_BYTES, 1},
    {"durable_streams_rocksdb_compaction_written_bytes_total", "Bytes written by compactions.",
     rocksdb::COMPACT_WRITE_BYTES, 1},
};

void SampleProperties(Database& database, Samples& samples) {
  for (const Property& property : kProperties) {
    uint64_t sum = 0;
    for (size_t i = 0; i < (property.per_family ? kFamilyCount : 1); ++i) {
      uint64_t value = 0;
      database.db().GetIntProperty(database.family(static_cast<Family>(i)), property.property,
                                   &value);
      sum += value;
    }
    samples.Gauge(property.metric, property.help, static_cast<double>(sum));
  }
  uint64_t value = 0;
  database.db().GetIntProperty("rocksdb.block-cache-usage", &value);
  samples.Gauge("durable_streams_rocksdb_block_cache_bytes", "Memory of the block cache.",
                static_cast<double>(value));
  database.db().GetIntProperty("rocksdb.block-cache-capacity", &value);
  samples.Gauge("durable_streams_rocksdb_block_cache_capacity_bytes",
                "Largest memory of the block cache.", static_cast<double>(value));
  for (size_t i = 0; i < kFamilyCount; ++i) {
    rocksdb::ColumnFamilyHandle* const family = database.family(static_cast<Family>(i));
    std::string files;
    if (!database.db().GetProperty(family, "rocksdb.num-files-at-level0", &files)) continue;
    samples.Gauge("durable_streams_rocksdb_level0_files",
                  "Table files at level 0, by column family; many of them stall writes.",
                  std::stod(files), {{"family", family->GetName()}});
  }
}

void SampleDisk(const std::string& directory, Samples& samples) {
  struct statvfs disk {};
  if (directory.empty() || statvfs(directory.c_str(), &disk) != 0) return;
  const double block = static_cast<double>(disk.f_frsize);
  samples.Gauge("durable_streams_disk_size_bytes", "Size of the disk of the data directory.",
                static_cast<double>(disk.f_blocks) * block);
  samples.Gauge("durable_streams_disk_available_bytes",
                "Free space on the disk of the data directory, for this user.",
                static_cast<double>(disk.f_bavail) * block);
}

}  // namespace

Metrics::Sampling SampleDatabase(Metrics& metrics, Database& database) {
  return metrics.Sample([&database](Samples& samples) {
    SampleProperties(database, samples);
    for (const Ticker& ticker : kTickers) {
      samples.Counter(
          ticker.metric, ticker.help,
          static_cast<double>(database.statistics().getTickerCount(ticker.ticker)) * ticker.scale);
    }
    SampleDisk(database.directory(), samples);
  });
}

}  // namespace ds

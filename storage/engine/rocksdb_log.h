#ifndef STORAGE_ENGINE_ROCKSDB_LOG_H_
#define STORAGE_ENGINE_ROCKSDB_LOG_H_

#include <memory>

#include "rocksdb/env.h"

namespace ds {

// A RocksDB logger that puts what RocksDB says, from warnings up, into this program's log. It also
// stands in for RocksDB's own LOG file, whose writer cannot bear a full disk: Debian's build stops
// the process at the second failed write. Thread-safe.
std::shared_ptr<rocksdb::Logger> NewRocksdbLogger();

}  // namespace ds

#endif  // STORAGE_ENGINE_ROCKSDB_LOG_H_

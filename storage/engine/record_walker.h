#ifndef STORAGE_ENGINE_RECORD_WALKER_H_
#define STORAGE_ENGINE_RECORD_WALKER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "storage/core/lineage.h"
#include "storage/engine/database.h"
#include "storage/engine/record.h"

namespace ds {

// Walks the records of one segment of a stream, from the one that holds segment.begin on, as they
// were when the walk began. Not thread-safe; the database must outlive it.
class RecordWalker {
 public:
  RecordWalker(Database& database, const Segment& segment);

  // Decodes the record it stands at; false when there is none before segment.end, or none that can
  // be read.
  bool Load();
  void Next();

  // Of the record that Load decoded; they hold until Next.
  const RecordView& record() const { return record_; }
  uint64_t start() const { return start_; }
  uint64_t end() const { return start_ + record_.payload.size(); }

 private:
  const uint64_t stream_id_;
  const std::string upper_;
  const std::string lower_;
  const rocksdb::Slice upper_slice_;
  const rocksdb::Slice lower_slice_;
  std::unique_ptr<rocksdb::Iterator> it_;
  RecordView record_;
  uint64_t start_ = 0;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_RECORD_WALKER_H_

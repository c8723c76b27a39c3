#ifndef STORAGE_ENGINE_BATCH_H_
#define STORAGE_ENGINE_BATCH_H_

#include <optional>
#include <string>
#include <vector>

#include "rocksdb/write_batch.h"
#include "storage/api/types.h"
#include "storage/engine/census.h"
#include "storage/engine/database.h"
#include "storage/engine/deletion_log.h"
#include "storage/engine/operation.h"
#include "storage/engine/stream_cache.h"
#include "storage/engine/stream_entry.h"

namespace ds {

// What one commit is going to change: the RocksDB batch, and beside it what it takes to publish the
// commit or to undo it in memory. Belongs to the commit thread.
class Batch {
 public:
  // All must outlive the object.
  Batch(Database& database, StreamCache& cache, Census& census, DeletionLog& deletions)
      : database_(database), cache_(cache), census_(census), deletions_(deletions) {}

  rocksdb::WriteBatch& writes() { return writes_; }
  bool empty() const { return writes_.Count() == 0 && extents_.empty(); }
  // How much it is going to write, about.
  uint64_t bytes() const { return writes_.GetDataSize() + unsealed_bytes_; }

  // To be called before an entry's state is changed; the first call saves it.
  void Touch(const EntryPtr& entry);
  bool IsTouched(const StreamEntry& entry) const { return entry.batch == number_; }
  // Remembers a new entry, which a rollback takes out of the cache again.
  void Created(const EntryPtr& entry);
  // The same for an entry that goes on for a stream which was there.
  void Continued(const EntryPtr& entry);
  void Removed(const EntryPtr& entry);
  // Producers that the batch has added to a stream.
  int64_t CountNewProducers(const StreamEntry& entry) const;
  void SetProducer(const EntryPtr& entry, const std::string& id, const ProducerState& state);

  void PutMetadata(const StreamEntry& entry);
  // Appends to the stream, whose state is already the one after it. Appends of one batch to one
  // stream share a record. REQUIRES: the entry was touched, and `chunk` is not empty.
  void Append(const EntryPtr& entry, uint64_t start, ChunkPtr chunk);
  void ReplaceRecords(const StreamEntry& entry, const RepackOperation& repack);
  // Returns the timer's key.
  std::string PutTimer(StreamEntry& entry, int64_t deadline_nanos);
  void DropTimer(StreamEntry& entry);
  // Has the next start go on from these times; see StoreClock.
  void PutClockMark(const std::string& mark);
  // Deletes the stream's metadata and timer, and notes that its records and producers are to go.
  void DeleteStream(StreamEntry& entry);
  // Removes what deleted streams have left.
  void Remove(const RemovalOperation& removal);

  // Puts the appends into writes(); to be called before these are written.
  void Seal();
  // The commit succeeded: readers see it from now on.
  void Publish();
  // The commit failed: states are again what is on disk.
  void Rollback();
  void Clear();

 private:
  struct Saved {
    EntryPtr entry;
    StreamState state;
    int64_t timer_nanos;
    bool created = false;    // the stream is new
    bool new_entry = false;  // the entry is; the disk has the stream as it was
  };
  // Appends to one stream that become one record.
  struct Extent {
    EntryPtr entry;
    uint64_t start;
    uint64_t bytes = 0;
    size_t count = 0;
    size_t first;  // in appends_
    size_t last;
    std::string stream_seq = {};
  };
  struct Appended {
    ChunkPtr chunk;
    size_t next = 0;  // the extent's next one in appends_; 0: none
  };
  struct SavedProducer {
    EntryPtr entry;
    std::string id;
    std::optional<ProducerState> state;
  };

  void PutExtent(const Extent& extent);
  // How the batch changes the number of streams.
  Census::Counts CountChanges() const;

  Database& database_;
  StreamCache& cache_;
  Census& census_;
  DeletionLog& deletions_;
  uint64_t number_ = 1;  // an entry's `batch` equals it when this batch has saved the entry
  rocksdb::WriteBatch writes_;
  std::vector<Saved> saved_;
  std::vector<SavedProducer> producers_;
  std::vector<EntryPtr> removed_;
  std::vector<Extent> extents_;
  std::vector<Appended> appends_;
  uint64_t unsealed_bytes_ = 0;
  // Of PutExtent, kept for their memory.
  std::vector<uint32_t> append_sizes_;
  std::vector<uint32_t> message_sizes_;
  std::vector<rocksdb::Slice> parts_;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_BATCH_H_

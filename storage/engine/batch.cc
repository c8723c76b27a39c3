#include "storage/engine/batch.h"

#include <memory>
#include <utility>

#include "storage/engine/metadata.h"
#include "storage/engine/record.h"

namespace ds {
namespace {

// Beyond this many an entry forgets its producers and reads them back when needed.
constexpr size_t kMaxProducersInMemory = 1024;

}  // namespace

void Batch::Touch(const EntryPtr& entry) {
  if (IsTouched(*entry)) return;
  entry->batch = number_;
  entry->extent = StreamEntry::kNoExtent;
  saved_.push_back({entry, entry->state, entry->timer_nanos});
}

void Batch::Created(const EntryPtr& entry) {
  entry->batch = number_;
  entry->extent = StreamEntry::kNoExtent;
  saved_.push_back({entry, {}, 0, /*created=*/true, /*new_entry=*/true});
}

void Batch::Continued(const EntryPtr& entry) {
  entry->batch = number_;
  entry->extent = StreamEntry::kNoExtent;
  saved_.push_back(
      {entry, entry->state, entry->timer_nanos, /*created=*/false, /*new_entry=*/true});
}

void Batch::Removed(const EntryPtr& entry) {
  entry->removal_pending = true;
  removed_.push_back(entry);
}

void Batch::SetProducer(const EntryPtr& entry, const std::string& id, const ProducerState& state) {
  std::optional<ProducerState> before;
  const auto [it, inserted] = entry->producers->try_emplace(id, state);
  if (!inserted) before = std::exchange(it->second, state);
  if (inserted && entry->producer_count != StreamEntry::kNotCounted) ++entry->producer_count;
  producers_.push_back({entry, id, before});
  writes_.Put(database_.family(Family::kProducers),
              ProducerKey(entry->config.lineage.stream_id(), id), EncodeProducer(state));
}

int64_t Batch::CountNewProducers(const StreamEntry& entry) const {
  return std::count_if(producers_.begin(), producers_.end(), [&](const SavedProducer& saved) {
    return saved.entry.get() == &entry && !saved.state;
  });
}

void Batch::PutMetadata(const StreamEntry& entry) {
  writes_.Put(database_.family(Family::kStreams), entry.path, EncodeMetadata(entry));
}

void Batch::Append(const EntryPtr& entry, uint64_t start, ChunkPtr chunk) {
  const uint64_t size = chunk->data.size();
  unsealed_bytes_ += size;
  const size_t index = appends_.size();
  appends_.push_back({std::move(chunk)});
  if (entry->extent == StreamEntry::kNoExtent ||
      extents_[entry->extent].bytes + size > kMaxExtentBytes) {
    entry->extent = extents_.size();
    extents_.push_back({.entry = entry, .start = start, .first = index, .last = index});
  } else {
    appends_[extents_[entry->extent].last].next = index;
  }
  Extent& extent = extents_[entry->extent];
  extent.bytes += size;
  extent.last = index;
  ++extent.count;
  if (!entry->state.last_stream_seq.empty()) extent.stream_seq = entry->state.last_stream_seq;
}

void Batch::Seal() {
  for (const Extent& extent : extents_) {
    // The stream's records are deleted by this batch, those of this batch among them.
    if (!extent.entry->removal_pending) PutExtent(extent);
  }
}

void Batch::PutExtent(const Extent& extent) {
  append_sizes_.clear();
  message_sizes_.clear();
  parts_.assign(1, {});
  for (size_t i = 0, at = extent.first; i < extent.count; ++i, at = appends_[at].next) {
    const Chunk& chunk = *appends_[at].chunk;
    append_sizes_.push_back(static_cast<uint32_t>(chunk.data.size()));
    message_sizes_.insert(message_sizes_.end(), chunk.message_sizes.begin(),
                          chunk.message_sizes.end());
    parts_.push_back(ToSlice(chunk.data));
  }
  const std::string header = EncodeRecordHeader(extent.stream_seq, append_sizes_, message_sizes_);
  parts_[0] = ToSlice(header);
  char key[kRecordKeySize];
  WriteRecordKey(extent.entry->config.lineage.stream_id(), extent.start, key);
  const rocksdb::Slice key_slice(key, sizeof key);
  writes_.Put(database_.family(Family::kRecords), rocksdb::SliceParts(&key_slice, 1),
              rocksdb::SliceParts(parts_.data(), static_cast<int>(parts_.size())));
}

void Batch::ReplaceRecords(const StreamEntry& entry, const RepackOperation& repack) {
  const uint64_t id = entry.config.lineage.stream_id();
  rocksdb::ColumnFamilyHandle* const records = database_.family(Family::kRecords);
  for (const uint64_t start : repack.obsolete) writes_.Delete(records, RecordKey(id, start));
  for (const RepackOperation::Record& record : repack.records) {
    writes_.Put(records, RecordKey(id, record.start), record.value);
  }
}

std::string Batch::PutTimer(StreamEntry& entry, int64_t deadline_nanos) {
  DropTimer(entry);
  entry.timer_nanos = deadline_nanos;
  std::string key =
      TimerKey({deadline_nanos, entry.config.lineage.stream_id(), /*calendar=*/!entry.has_ttl()});
  writes_.Put(database_.family(Family::kTimers), key, entry.path);
  return key;
}

void Batch::DropTimer(StreamEntry& entry) {
  if (entry.timer_nanos == 0) return;
  const auto drop = [&](bool calendar) {
    writes_.Delete(database_.family(Family::kTimers),
                   TimerKey({entry.timer_nanos, entry.config.lineage.stream_id(), calendar}));
  };
  drop(/*calendar=*/!entry.has_ttl());
  // Formats up to 4 had one kind of key for both.
  if (!entry.has_ttl()) drop(/*calendar=*/false);
  entry.timer_nanos = 0;
}

void Batch::PutClockMark(const std::string& mark) {
  writes_.Put(database_.family(Family::kMeta), kClockKey, mark);
}

void Batch::DeleteStream(StreamEntry& entry) {
  writes_.Delete(database_.family(Family::kStreams), entry.path);
  DropTimer(entry);
  const bool has_records = entry.state.tail > entry.config.lineage.own_begin();
  // Those that a stream read back from disk has are not known, and not worth a look here.
  const bool may_have_producers =
      !entry.producers_complete || (entry.producers != nullptr && !entry.producers->empty());
  if (!has_records && !may_have_producers) return;
  writes_.Put(database_.family(Family::kDeleted), EncodeNumber(deletions_.Take()),
              EncodeNumber(entry.config.lineage.stream_id()));
}

void Batch::Remove(const RemovalOperation& removal) {
  const auto remove = [&](Family which, const std::vector<std::string>& keys,
                          const std::vector<RemovalOperation::Range>& ranges) {
    rocksdb::ColumnFamilyHandle* const family = database_.family(which);
    for (const std::string& key : keys) writes_.Delete(family, key);
    for (const RemovalOperation::Range& range : ranges) {
      // Bare ids, not record keys: see RecordStreamPrefix in database.cc.
      writes_.DeleteRange(family, EncodeNumber(range.begin), EncodeNumber(range.end));
    }
  };
  remove(Family::kRecords, removal.records, removal.record_ranges);
  remove(Family::kProducers, removal.producers, removal.producer_ranges);
  for (const uint64_t number : removal.deletions) {
    writes_.Delete(database_.family(Family::kDeleted), EncodeNumber(number));
  }
}

Census::Counts Batch::CountChanges() const {
  Census::Counts change;
  for (const Saved& saved : saved_) {
    const StreamEntry& entry = *saved.entry;
    if (!entry.removal_pending) change += CountsOf(entry.config, entry.state);
    if (!saved.created) change -= CountsOf(entry.config, saved.state);
  }
  return change;
}

void Batch::Publish() {
  census_.Add(CountChanges());
  for (const Saved& saved : saved_) {
    if (!saved.entry->removal_pending) saved.entry->Publish();
  }
  for (const SavedProducer& saved : producers_) {
    if (saved.entry->producers->size() > kMaxProducersInMemory) {
      saved.entry->producers->clear();
      saved.entry->producers_complete = false;
    }
  }
  for (const EntryPtr& entry : removed_) {
    entry->flags.store(0, std::memory_order_release);
    cache_.Erase(*entry);
  }
  if (!removed_.empty()) deletions_.Publish();
}

void Batch::Rollback() {
  for (auto it = producers_.rbegin(); it != producers_.rend(); ++it) {
    if (it->state) {
      (*it->entry->producers)[it->id] = *it->state;
    } else {
      it->entry->producers->erase(it->id);
      it->entry->producer_count = StreamEntry::kNotCounted;
    }
  }
  for (const EntryPtr& entry : removed_) entry->removal_pending = false;
  for (const Saved& saved : saved_) {
    if (saved.new_entry) {
      cache_.Erase(*saved.entry);
    } else {
      saved.entry->state = saved.state;
      saved.entry->timer_nanos = saved.timer_nanos;
    }
  }
}

void Batch::Clear() {
  ++number_;
  writes_.Clear();
  saved_.clear();
  producers_.clear();
  removed_.clear();
  extents_.clear();
  appends_.clear();
  unsealed_bytes_ = 0;
}

}  // namespace ds

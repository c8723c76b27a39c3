#include "storage/engine/batch.h"

#include <memory>
#include <utility>

#include "storage/engine/metadata.h"

namespace ds {
namespace {

// Beyond this many an entry forgets its producers and reads them back when needed.
constexpr size_t kMaxProducersInMemory = 1024;

}  // namespace

void Batch::Touch(const EntryPtr& entry) {
  if (IsTouched(*entry)) return;
  entry->batch = number_;
  saved_.push_back({entry, entry->state, entry->timer_nanos});
}

void Batch::Created(const EntryPtr& entry) {
  entry->batch = number_;
  saved_.push_back({entry, {}, 0, /*created=*/true});
}

void Batch::Removed(const EntryPtr& entry) {
  entry->removal_pending = true;
  removed_.push_back(entry);
}

void Batch::SetProducer(const EntryPtr& entry, const std::string& id, const ProducerState& state) {
  std::optional<ProducerState> before;
  const auto [it, inserted] = entry->producers->try_emplace(id, state);
  if (!inserted) before = std::exchange(it->second, state);
  producers_.push_back({entry, id, before});
  writes_.Put(database_.family(Family::kProducers),
              ProducerKey(entry->config.lineage.stream_id(), id), EncodeProducer(state));
}

void Batch::PutMetadata(const StreamEntry& entry) {
  writes_.Put(database_.family(Family::kStreams), entry.path, EncodeMetadata(entry));
}

void Batch::PutRecord(const StreamEntry& entry, uint64_t start, std::string_view header,
                      std::string_view payload) {
  char key[kRecordKeySize];
  WriteRecordKey(entry.config.lineage.stream_id(), start, key);
  const rocksdb::Slice key_slice(key, sizeof key);
  const rocksdb::Slice value[] = {ToSlice(header), ToSlice(payload)};
  writes_.Put(database_.family(Family::kRecords), rocksdb::SliceParts(&key_slice, 1),
              rocksdb::SliceParts(value, 2));
}

void Batch::PutTimer(StreamEntry& entry, int64_t deadline_nanos) {
  DropTimer(entry);
  entry.timer_nanos = deadline_nanos;
  writes_.Put(database_.family(Family::kTimers),
              TimerKey({deadline_nanos, entry.config.lineage.stream_id()}), entry.path);
}

void Batch::DropTimer(StreamEntry& entry) {
  if (entry.timer_nanos == 0) return;
  writes_.Delete(database_.family(Family::kTimers),
                 TimerKey({entry.timer_nanos, entry.config.lineage.stream_id()}));
  entry.timer_nanos = 0;
}

void Batch::DeleteStream(StreamEntry& entry) {
  const uint64_t id = entry.config.lineage.stream_id();
  writes_.Delete(database_.family(Family::kStreams), entry.path);
  DropTimer(entry);
  // Range tombstones cost later reads, so only where there is something to delete. What this
  // very batch wrote counts too: its keys come before the tombstone.
  if (entry.state.tail > entry.config.lineage.base()) {
    // Bare ids, not record keys: see RecordStreamPrefix in database.cc.
    writes_.DeleteRange(database_.family(Family::kRecords), EncodeNumber(id), EncodeNumber(id + 1));
  }
  bool has_producers = entry.producers != nullptr && !entry.producers->empty();
  if (!has_producers && !entry.producers_complete) {
    const std::unique_ptr<rocksdb::Iterator> it(
        database_.db().NewIterator(rocksdb::ReadOptions(), database_.family(Family::kProducers)));
    it->Seek(EncodeNumber(id));
    has_producers = it->Valid() && DecodeNumber(ToView(it->key())) == id;
  }
  if (has_producers) {
    writes_.DeleteRange(database_.family(Family::kProducers), EncodeNumber(id),
                        EncodeNumber(id + 1));
  }
}

void Batch::Publish() {
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
}

void Batch::Rollback() {
  for (auto it = producers_.rbegin(); it != producers_.rend(); ++it) {
    if (it->state) {
      (*it->entry->producers)[it->id] = *it->state;
    } else {
      it->entry->producers->erase(it->id);
    }
  }
  for (const EntryPtr& entry : removed_) entry->removal_pending = false;
  for (const Saved& saved : saved_) {
    if (saved.created) {
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
}

}  // namespace ds

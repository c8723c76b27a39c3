#include "storage/engine/record_remover.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "spdlog/spdlog.h"

namespace ds {
namespace {

// How many deletions are looked at together; as one commit may carry them all, not more than others
// would wait for.
constexpr size_t kMaxDeletions = 64;
// Keys that one commit deletes: some 200 us of the commit thread.
constexpr size_t kMaxKeys = 256;
// After a commit that failed.
constexpr auto kPause = std::chrono::milliseconds(200);

// Iterates over what one stream has in a family whose keys begin with the stream's id. Without the
// bounds it would walk over the tombstones of the streams around it.
class StreamKeys {
 public:
  StreamKeys(Database& database, Family family, uint64_t stream_id)
      : begin_(EncodeNumber(stream_id)),
        end_(EncodeNumber(stream_id + 1)),
        begin_slice_(begin_),
        end_slice_(end_) {
    rocksdb::ReadOptions options;
    options.iterate_lower_bound = &begin_slice_;
    options.iterate_upper_bound = &end_slice_;
    options.fill_cache = false;
    it_.reset(database.db().NewIterator(options, database.family(family)));
    it_->Seek(begin_slice_);
  }

  rocksdb::Iterator* operator->() const { return it_.get(); }

 private:
  const std::string begin_;
  const std::string end_;
  const rocksdb::Slice begin_slice_;
  const rocksdb::Slice end_slice_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

}  // namespace

RecordRemover::RecordRemover(const Options& options, Database& database, Committer& committer,
                             EngineProbe& probe)
    : options_(options), database_(database), committer_(committer), probe_(probe), thread_([this] {
        Run();
      }) {}

RecordRemover::~RecordRemover() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  committer_.deletions().Stop();
  thread_.join();
}

uint64_t RecordRemover::waiting() const {
  const uint64_t next = next_.load(std::memory_order_relaxed);
  return std::max(committer_.deletions().end(), next) - next;
}

void RecordRemover::Run() {
  while (committer_.deletions().WaitBeyond(next_)) {
    if (RemoveNext()) continue;
    operation_ = {};
    // Of earlier removals, too, nobody knows now whether the disk has them.
    next_ = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    if (wake_.wait_for(lock, kPause, [this] { return stopping_; })) return;
  }
}

bool RecordRemover::RemoveNext() {
  const uint64_t end = committer_.deletions().end();
  std::vector<Deletion> deletions;
  if (!Take(deletions)) return false;
  uint64_t after = deletions.empty() ? end : 0;
  for (const Deletion& deletion : deletions) {
    after = std::max(after, deletion.number + 1);
    if (!RemoveKeys(deletion.stream_id, Family::kRecords)) return false;
    if (!RemoveKeys(deletion.stream_id, Family::kProducers)) return false;
    // In one commit with the last of the stream's keys, or a later one.
    operation_.deletions.push_back(deletion.number);
  }
  if (!Commit()) return false;
  probe_.emptied_streams.Increment(static_cast<double>(deletions.size()));
  next_ = after;
  if (range_tombstones_ >= options_.max_range_tombstones) FlushTombstones();
  return true;
}

bool RecordRemover::Take(std::vector<Deletion>& deletions) {
  // From where the last one ended: what is before are tombstones, which take as long to walk over.
  const std::string from = EncodeNumber(next_);
  const rocksdb::Slice lower(from);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower;
  const std::unique_ptr<rocksdb::Iterator> it(
      database_.db().NewIterator(options, database_.family(Family::kDeleted)));
  for (it->Seek(lower); it->Valid() && deletions.size() < kMaxDeletions; it->Next()) {
    deletions.push_back({DecodeNumber(ToView(it->key())), DecodeNumber(ToView(it->value()))});
  }
  std::sort(deletions.begin(), deletions.end(),
            [](const Deletion& a, const Deletion& b) { return a.stream_id < b.stream_id; });
  return it->status().ok();
}

bool RecordRemover::RemoveKeys(uint64_t stream_id, Family family) {
  const bool records = family == Family::kRecords;
  std::vector<std::string> found;
  uint64_t bytes = 0;
  StreamKeys keys(database_, family, stream_id);
  for (; keys->Valid(); keys->Next()) {
    found.push_back(keys->key().ToString());
    bytes += keys->value().size();
    if (found.size() > options_.max_single_deletes || bytes > options_.max_single_delete_bytes) {
      PutRange(stream_id, family);
      return true;
    }
  }
  if (!keys->status().ok()) {
    // What cannot be read can be removed all the same.
    PutRange(stream_id, family);
    return true;
  }
  std::vector<std::string>& removed = records ? operation_.records : operation_.producers;
  for (std::string& key : found) {
    removed.push_back(std::move(key));
    if (removed.size() >= kMaxKeys && !Commit()) return false;
  }
  return true;
}

void RecordRemover::PutRange(uint64_t stream_id, Family family) {
  std::vector<RemovalOperation::Range>& ranges =
      family == Family::kRecords ? operation_.record_ranges : operation_.producer_ranges;
  ranges.push_back({stream_id, stream_id + 1});
  ++range_tombstones_;
}

bool RecordRemover::Commit() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    submitted_ = true;
  }
  operation_.done = [this](const MaintenanceResult& result) {
    const std::lock_guard<std::mutex> lock(mutex_);
    answer_ = result.status;
    submitted_ = false;
    wake_.notify_all();
  };
  committer_.Submit(std::exchange(operation_, {}));
  std::unique_lock<std::mutex> lock(mutex_);
  wake_.wait(lock, [&] { return !submitted_; });
  return answer_.ok();
}

void RecordRemover::FlushTombstones() {
  for (const Family family : {Family::kRecords, Family::kProducers}) {
    const rocksdb::Status flushed =
        database_.db().Flush(rocksdb::FlushOptions(), database_.family(family));
    if (!flushed.ok()) spdlog::warn("storage: cannot flush tombstones: {}", flushed.ToString());
  }
  range_tombstones_ = 0;
}

}  // namespace ds

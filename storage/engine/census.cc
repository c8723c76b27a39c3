#include "storage/engine/census.h"

#include <memory>

#include "storage/engine/metadata.h"

namespace ds {

Census::Counts& Census::Counts::operator+=(const Counts& other) {
  streams += other.streams;
  open += other.open;
  forks += other.forks;
  kept += other.kept;
  return *this;
}

Census::Counts& Census::Counts::operator-=(const Counts& other) {
  streams -= other.streams;
  open -= other.open;
  forks -= other.forks;
  kept -= other.kept;
  return *this;
}

Census::~Census() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void Census::Start() {
  const rocksdb::Snapshot* const snapshot = database_.db().GetSnapshot();
  thread_ = std::thread([this, snapshot] {
    Count(snapshot);
    database_.db().ReleaseSnapshot(snapshot);
  });
}

void Census::Count(const rocksdb::Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(
      database_.db().NewIterator(options, database_.family(Family::kStreams)));
  Counts found;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    if (stopping_.load(std::memory_order_relaxed)) return;
    const EntryPtr entry = DecodeMetadata(std::string(ToView(it->key())), ToView(it->value()));
    if (entry == nullptr) continue;
    found += CountsOf(entry->config, entry->state);
    if (!entry->state.soft_deleted) quota_.AddCounted(entry->path);
  }
  // Of what cannot be read, reading it will tell.
  Add(found);
  quota_.Complete();
  counted_ = true;
}

void Census::Add(const Counts& change) {
  streams_ += change.streams;
  open_ += change.open;
  forks_ += change.forks;
  kept_ += change.kept;
}

std::optional<Census::Counts> Census::counts() const {
  if (!counted_) return std::nullopt;
  return Counts{streams_, open_, forks_, kept_};
}

Census::Counts CountsOf(const StreamConfig& config, const StreamState& state) {
  if (state.soft_deleted) return {.kept = 1};
  return {.streams = 1, .open = state.closed ? 0 : 1, .forks = config.is_fork() ? 1 : 0};
}

}  // namespace ds

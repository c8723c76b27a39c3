#include "storage/engine/deletion_log.h"

#include <memory>

namespace ds {

absl::Status DeletionLog::Load(Database& database) {
  const std::unique_ptr<rocksdb::Iterator> it(
      database.db().NewIterator(rocksdb::ReadOptions(), database.family(Family::kDeleted)));
  it->SeekToLast();
  if (!it->status().ok()) {
    return absl::DataLossError("cannot read the deleted streams: " + it->status().ToString());
  }
  if (it->Valid()) next_ = DecodeNumber(ToView(it->key())) + 1;
  Publish();
  return absl::OkStatus();
}

void DeletionLog::Publish() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    end_ = next_;
  }
  published_.notify_all();
}

uint64_t DeletionLog::end() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return end_;
}

bool DeletionLog::WaitBeyond(uint64_t number) {
  std::unique_lock<std::mutex> lock(mutex_);
  published_.wait(lock, [&] { return stopped_ || end_ > number; });
  return !stopped_;
}

void DeletionLog::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
  }
  published_.notify_all();
}

}  // namespace ds

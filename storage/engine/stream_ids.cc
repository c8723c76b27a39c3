#include "storage/engine/stream_ids.h"

#include <algorithm>
#include <string>

#include "storage/api/offset.h"

namespace ds {
namespace {

// So many numbers are reserved in the database at once.
constexpr uint64_t kBlock = 1000;
// How far a loss moves the counter at least, for a clock that is wrong.
constexpr uint64_t kLeap = 1'000'000;
constexpr int64_t kPerMillisecond = 2;
constexpr absl::Time kBeginning = absl::FromUnixSeconds(1'704'067'200);  // 2024-01-01T00:00:00Z

// Sets `value` to the number under `key`, or to 0 where there is none.
absl::Status ReadNumber(Database& database, std::string_view key, uint64_t& value) {
  std::string bytes;
  const rocksdb::Status status = database.Get(Family::kMeta, key, &bytes);
  value = 0;
  if (status.IsNotFound()) return absl::OkStatus();
  if (!status.ok() || bytes.size() != 8) {
    return absl::DataLossError("cannot read " + std::string(key) + ": " + status.ToString());
  }
  value = DecodeNumber(bytes);
  return absl::OkStatus();
}

}  // namespace

uint64_t StreamIds::At(absl::Time time) {
  const int64_t elapsed = std::max<int64_t>(0, absl::ToInt64Milliseconds(time - kBeginning));
  return Offset::kFirstIncarnation + static_cast<uint64_t>(elapsed * kPerMillisecond) * kShards;
}

absl::Status StreamIds::Load(absl::Time now, bool lost, rocksdb::WriteBatch& batch) {
  absl::Status status = ReadNumber(database_, kNextStreamIdKey, next_);
  if (status.ok()) status = ReadNumber(database_, kFirstSoundKey, first_sound_);
  if (!status.ok()) return status;
  // A new store, or one whose numbers are from before they followed the time.
  if (next_ < Offset::kFirstIncarnation) next_ = At(now);
  if (lost) {
    next_ = std::max(next_ + kLeap * kShards, At(now));
    first_sound_ = next_;
    batch.Put(database_.family(Family::kMeta), kFirstSoundKey, EncodeNumber(first_sound_));
  }
  reserved_ = next_;
  return absl::OkStatus();
}

uint64_t StreamIds::Next(rocksdb::WriteBatch& batch) {
  if (next_ >= reserved_) {
    reserved_ = next_ + kBlock * kShards;
    batch.Put(database_.family(Family::kMeta), kNextStreamIdKey, EncodeNumber(reserved_));
  }
  const uint64_t id = next_;
  next_ += kShards;
  return id;
}

}  // namespace ds

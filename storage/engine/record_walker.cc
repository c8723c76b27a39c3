#include "storage/engine/record_walker.h"

namespace ds {
namespace {

// A record of this many appends or more may have been repacked: the tombstones of the records that
// it replaced follow it until RocksDB compacts them away, and one seek beats stepping over them.
constexpr uint32_t kSeekBeyondAppends = 16;

}  // namespace

RecordWalker::RecordWalker(Database& database, const Segment& segment)
    : stream_id_(segment.stream_id),
      upper_(RecordKey(segment.stream_id, segment.end)),
      lower_(RecordKey(segment.stream_id, 0)),
      upper_slice_(upper_),
      lower_slice_(lower_) {
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper_slice_;
  options.iterate_lower_bound = &lower_slice_;
  it_.reset(database.db().NewIterator(options, database.family(Family::kRecords)));
  const std::string first = RecordKey(segment.stream_id, segment.begin);
  it_->Seek(first);
  // Offsets mostly lie between records; only one inside a record needs the way back.
  if (!it_->Valid() || RecordKeyStart(ToView(it_->key())) != segment.begin) {
    it_->SeekForPrev(first);
  }
}

bool RecordWalker::Load() {
  if (!it_->Valid() || !DecodeRecord(ToView(it_->value()), record_)) return false;
  start_ = RecordKeyStart(ToView(it_->key()));
  return true;
}

void RecordWalker::Next() {
  if (record_.append_count >= kSeekBeyondAppends) {
    it_->Seek(RecordKey(stream_id_, end()));
  } else {
    it_->Next();
  }
}

}  // namespace ds

#include "storage/engine/repacker.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "storage/engine/record_walker.h"

namespace ds {
namespace {

// More than these wait for their turn only when reads outrun the thread; the next read asks again.
constexpr size_t kMaxJobs = 64;
// A record of at least this many bytes is left alone.
constexpr uint64_t kLargeRecordBytes = kMaxExtentBytes / 2;
// The most that one job reads, and so the most that one commit carries.
constexpr uint64_t kMaxJobBytes = 4u << 20;

// Successive records that become one.
class Joiner {
 public:
  explicit Joiner(size_t min_joined) : min_joined_(min_joined) {}

  bool Fits(const RecordView& record) const {
    return payload_.size() + record.payload.size() <= kMaxExtentBytes;
  }

  // False when the record is damaged.
  bool Add(const RecordWalker& at) {
    const RecordView& record = at.record();
    std::vector<uint32_t> sizes;
    if (!DecodeAppendSizes(record, sizes)) return false;
    append_sizes_.insert(append_sizes_.end(), sizes.begin(), sizes.end());
    if (!DecodeMessageSizes(record, sizes)) return false;
    message_sizes_.insert(message_sizes_.end(), sizes.begin(), sizes.end());
    payload_.append(record.payload);
    stream_seq_ = record.stream_seq;
    starts_.push_back(at.start());
    return true;
  }

  // Adds the joined record to the operation, if it is worth it, and starts anew.
  void Finish(RepackOperation& operation) {
    if (starts_.size() >= min_joined_) {
      std::string value = EncodeRecordHeader(stream_seq_, append_sizes_, message_sizes_);
      value.append(payload_);
      operation.records.push_back({starts_.front(), std::move(value)});
      operation.obsolete.insert(operation.obsolete.end(), starts_.begin() + 1, starts_.end());
    }
    *this = Joiner(min_joined_);
  }

 private:
  size_t min_joined_;
  std::vector<uint64_t> starts_;
  std::vector<uint32_t> append_sizes_;
  std::vector<uint32_t> message_sizes_;
  std::string stream_seq_;
  std::string payload_;
};

}  // namespace

Repacker::Repacker(const Options& options, Database& database, Committer& committer,
                   EngineProbe& probe)
    : options_(options), database_(database), committer_(committer), probe_(probe), thread_([this] {
        Run();
      }) {}

Repacker::~Repacker() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Repacker::NoteRead(const EntryPtr& entry, uint64_t from, uint64_t to, size_t records) {
  if (records < options_.min_records || (to - from) / records > options_.max_mean_bytes) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (jobs_.size() >= kMaxJobs) return;
  // Many read the same at the same time.
  const bool known =
      std::any_of(jobs_.begin(), jobs_.end(), [&](const Job& job) { return job.entry == entry; });
  if (known) return;
  jobs_.push_back({entry, from, to});
  wake_.notify_one();
}

void Repacker::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
    if (stopping_) return;
    // It stays in the queue while it is worked on, so that nobody asks for it again meanwhile.
    const Job job = jobs_.front();
    lock.unlock();
    RepackOperation operation = Pack(job);
    if (!operation.records.empty()) {
      probe_.repacked_records.Increment(static_cast<double>(operation.obsolete.size()));
      Submit(std::move(operation));
    }
    lock.lock();
    jobs_.pop_front();
  }
}

RepackOperation Repacker::Pack(const Job& job) {
  RepackOperation operation;
  operation.entry = job.entry;
  const uint64_t to = std::min(job.to, job.from + kMaxJobBytes);
  RecordWalker walker(database_, {job.entry->config.lineage.stream_id(), job.from, to});
  Joiner joiner(options_.min_joined);
  for (; walker.Load(); walker.Next()) {
    const bool large = walker.record().payload.size() >= kLargeRecordBytes;
    if (large || !joiner.Fits(walker.record())) joiner.Finish(operation);
    // Damage is for a reader to report.
    if (!large && !joiner.Add(walker)) return {};
  }
  joiner.Finish(operation);
  return operation;
}

void Repacker::Submit(RepackOperation operation) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    submitted_ = true;
  }
  // A refusal, or a stream that is gone, costs nothing but the attempt.
  operation.done = [this](MaintenanceResult) {
    const std::lock_guard<std::mutex> lock(mutex_);
    submitted_ = false;
    wake_.notify_all();
  };
  committer_.Submit(std::move(operation));
  std::unique_lock<std::mutex> lock(mutex_);
  wake_.wait(lock, [&] { return !submitted_; });
}

}  // namespace ds

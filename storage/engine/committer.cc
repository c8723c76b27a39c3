#include "storage/engine/committer.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <utility>

#include "base/turn.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

constexpr auto kSweepInterval = std::chrono::milliseconds(500);
// How long a batch may wait to become as large as the one before, and from which size on. A sync
// takes as long, and one for two halves costs half.
constexpr auto kMaxGatherTime = std::chrono::microseconds(150);
constexpr size_t kMinGathered = 4;
constexpr std::chrono::microseconds kMinDueWait = std::chrono::milliseconds(5);
// Between parts of what is due all at once: as long as a part takes, so that reads have a core.
constexpr std::chrono::microseconds kPauseBetweenParts = std::chrono::microseconds(500);
// RocksDB groups what it writes; a batch beyond this only adds latency.
constexpr uint64_t kMaxBatchBytes = 16u << 20;
// When the commit thread works, it is looked again soon what it has left.
constexpr auto kOverdueInterval = std::chrono::milliseconds(10);

// Moves those at `first` and behind whose deadlines have passed to `overdue`; `next` becomes the
// earliest of the other deadlines, if it is not earlier.
void TakeOverdue(std::vector<Operation>& operations, size_t first, SteadyTime now,
                 std::vector<Operation>& overdue, SteadyTime& next) {
  const auto keep = [&](const Operation& operation) {
    const SteadyTime deadline = DeadlineOf(operation);
    if (deadline <= now) return false;
    next = std::min(next, deadline);
    return true;
  };
  const auto begin = operations.begin() + static_cast<ptrdiff_t>(first);
  const auto end = std::stable_partition(begin, operations.end(), keep);
  std::move(end, operations.end(), std::back_inserter(overdue));
  operations.erase(end, operations.end());
}

}  // namespace

Committer::Committer(const Options& options, Database& database, StreamCache& cache, TailHub& hub,
                     RecordReader& reader, StoreClock& clock, EngineProbe& probe)
    : options_(options),
      clock_(clock),
      writer_(options.writer, database, cache, hub, reader, clock, probe),
      deadlines_([this] { return AnswerOverdue(); }) {}

Committer::~Committer() { Stop(); }

void Committer::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

absl::Status Committer::Start(LossDetector& losses) {
  const absl::Status ready = writer_.Start(losses);
  if (ready.ok()) thread_ = std::thread([this] { Run(); });
  return ready;
}

SteadyTime Committer::AnswerOverdue() {
  const SteadyTime now = std::chrono::steady_clock::now();
  SteadyTime next = CallContext::kNoDeadline;
  std::vector<Operation> overdue;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    TakeOverdue(queue_, 0, now, overdue, next);
    for (const Operation& operation : overdue) {
      queued_bytes_ -= std::min(queued_bytes_, SizeOf(operation));
    }
  }
  // What went from the queue to the commit thread meanwhile was counted above.
  std::vector<UniqueFunction<void()>> answers;
  std::unique_lock<std::mutex> writing(writer_.mutex(), std::try_to_lock);
  if (writing) {
    TakeOverdue(operations_, std::min(applied_, operations_.size()), now, overdue, next);
    if (applied_ > 0 && applied_ <= operations_.size()) {
      // The one at work waits for the commit of what came before.
      Operation& at_work = operations_[applied_ - 1];
      const SteadyTime deadline = DeadlineOf(at_work);
      UniqueFunction<void()> answer;
      if (deadline <= now) answer = TakeAnswer(at_work, MakeError(ErrorCode::kWriteUncertain));
      if (answer) answers.push_back(std::move(answer));
      if (deadline > now) next = std::min(next, deadline);
    }
    next = std::min(next, writer_.TakeOverdue(now, answers));
    writing.unlock();
  } else {
    next = std::min(next, now + kOverdueInterval);
  }
  for (Operation& operation : overdue) Refuse(operation, MakeError(ErrorCode::kDeadlineExceeded));
  for (UniqueFunction<void()>& answer : answers) answer();
  return next;
}

void Committer::SetWebhookSender(WebhookSender& sender) {
  writer_.subscriptions().SetSender(
      &sender, [this](WebhookResultOperation result) { Submit(std::move(result)); });
}

void Committer::Submit(Operation operation) {
  const uint64_t size = SizeOf(operation);
  std::unique_lock<std::mutex> lock(mutex_);
  if (stopping_ || queued_bytes_ + size > options_.max_queued_bytes) {
    const ErrorCode code = stopping_ ? ErrorCode::kShuttingDown : ErrorCode::kOverloaded;
    lock.unlock();
    Refuse(operation, MakeError(code));
    return;
  }
  const SteadyTime deadline = DeadlineOf(operation);
  queued_bytes_ += size;
  queue_.push_back(std::move(operation));
  if (options_.commit_inline) {
    const bool first = queue_.size() == 1;
    lock.unlock();
    deadlines_.At(deadline);
    if (first) {
      Turn::AtEnd([this] {
        std::unique_lock<std::mutex> again(mutex_);
        CommitQueue(again);
      });
    }
    return;
  }
  const bool wake = waiting_ && queue_.size() >= wanted_;
  if (wake) waiting_ = false;
  lock.unlock();
  deadlines_.At(deadline);
  if (wake) Turn::AtEnd([this] { wake_.notify_one(); });
}

Committer::Queued Committer::queued() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return {queue_.size(), queued_bytes_};
}

void Committer::NoteAccess(const EntryPtr& entry) {
  if (!entry->has_ttl()) return;
  const int64_t now = absl::ToUnixNanos(clock_.Now());
  entry->last_access_nanos.store(now);
  int64_t persisted = entry->persisted_access_nanos.load();
  const int64_t step = absl::ToInt64Nanoseconds(RenewalStep(entry->config.lifetime));
  if (now - persisted < step) return;
  // Only one of several readers asks for it.
  if (entry->persisted_access_nanos.compare_exchange_strong(persisted, now)) {
    Submit(RenewOperation{entry});
  }
}

void Committer::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    if (queue_.empty() || options_.commit_inline) {
      wanted_ = 1;
      Wait(lock, UntilDue());
    } else if (queue_.size() < gather_) {
      wanted_ = gather_;
      Wait(lock, kMaxGatherTime);
    }
    // After this nothing more is queued.
    const bool last = stopping_;
    watch_.Begin(std::chrono::steady_clock::now());
    CommitQueue(lock);
    watch_.End(std::chrono::steady_clock::now());
    if (last) return;
  }
}

std::chrono::microseconds Committer::UntilDue() const {
  const int64_t now = absl::ToUnixNanos(clock_.Now());
  const int64_t due = writer_.next_due_nanos();
  if (due == StreamWriter::kMoreIsDue) return kPauseBetweenParts;
  if (due >= now + std::chrono::nanoseconds(kSweepInterval).count()) return kSweepInterval;
  // Not at once: what cannot be done now must not become a busy loop.
  return std::max(kMinDueWait, std::chrono::microseconds((due - now) / 1'000));
}

void Committer::Wait(std::unique_lock<std::mutex>& lock, std::chrono::microseconds timeout) {
  waiting_ = true;
  wake_.wait_for(lock, timeout, [&] {
    return stopping_ || (!options_.commit_inline && queue_.size() >= wanted_);
  });
  waiting_ = false;
}

void Committer::CommitQueue(std::unique_lock<std::mutex>& lock) {
  if (committing_) return;
  committing_ = true;
  do {
    lock.unlock();
    {
      const std::lock_guard<std::mutex> working(writer_.mutex());
      lock.lock();
      operations_.swap(queue_);
      queued_bytes_ = 0;
      lock.unlock();
      // A lone client must not wait for others that are not there.
      gather_ = operations_.size() < kMinGathered ? 1 : operations_.size();
      applied_ = 0;
      // While a write is under way, AnswerOverdue may take some away from the rest.
      while (applied_ < operations_.size()) {
        writer_.Apply(operations_[applied_++]);
        if (writer_.batch_bytes() >= kMaxBatchBytes) writer_.Commit();
      }
      operations_.clear();
      writer_.Commit();
      writer_.OnTime();
    }
    lock.lock();
  } while (options_.commit_inline && !queue_.empty());
  committing_ = false;
}

}  // namespace ds

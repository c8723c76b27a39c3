#include "storage/engine/pattern_walker.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "storage/api/errors.h"
#include "storage/engine/internal_error.h"

namespace ds {
namespace {

// Streams whose state is read ahead, so that the commit need not; more would not stay cached.
constexpr size_t kMaxReadAhead = 100'000;
// Puts that may wait.
constexpr size_t kMaxWaiting = 10'000;
// How often a walk looks at the time.
constexpr uint64_t kNamesBetweenLooks = 256;

}  // namespace

struct PatternWalker::State {
  std::mutex mutex;
  std::condition_variable wake;
  // Guarded by mutex.
  std::deque<SubscriptionOperation> noted;  // searches to walk
  bool stopping = false;
  std::atomic<bool> interrupted{false};
};

PatternWalker::PatternWalker(Database& database, StreamCache& cache, Committer& committer)
    : database_(database),
      cache_(cache),
      committer_(committer),
      state_(std::make_shared<State>()),
      deadlines_([this] { return RefuseOverdue(); }),
      thread_([this] { Run(); }) {}

PatternWalker::~PatternWalker() {
  {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    state_->stopping = true;
  }
  state_->interrupted = true;
  state_->wake.notify_all();
  thread_.join();
}

void PatternWalker::Put(SubscriptionCall call, StreamStore::Callback<SubscriptionAnswer> done) {
  auto search = std::make_shared<PatternSearch>(
      std::get<SubscriptionCall::Put>(call.operation).config.pattern);
  SubscriptionOperation note{.call = call, .search = search};
  deadlines_.At(call.context.deadline);
  note.done = [state = state_, call = std::move(call), search,
               done = std::move(done)](SubscriptionAnswer answer) mutable {
    if (!answer.status.ok() || !answer.created) return done(std::move(answer));
    ErrorCode refusal = ErrorCode::kShuttingDown;
    {
      const std::lock_guard<std::mutex> lock(state->mutex);
      if (!state->stopping && state->noted.size() < kMaxWaiting) {
        state->noted.push_back({std::move(call), std::move(done), std::move(search)});
        state->wake.notify_one();
        return;
      }
      if (!state->stopping) refusal = ErrorCode::kOverloaded;
    }
    done(SubscriptionAnswer{.status = MakeError(refusal)});
  };
  committer_.Submit(std::move(note));
}

void PatternWalker::Run() {
  std::unique_lock<std::mutex> lock(state_->mutex);
  while (true) {
    state_->wake.wait(lock, [this] { return state_->stopping || !state_->noted.empty(); });
    if (state_->stopping) break;
    SubscriptionOperation operation = std::move(state_->noted.front());
    state_->noted.pop_front();
    lock.unlock();
    absl::Status walked = Walk(*operation.search, operation.call.context.deadline);
    if (walked.ok()) {
      operation.search->walked = true;
      committer_.Submit(std::move(operation));
    } else {
      operation.done(SubscriptionAnswer{.status = std::move(walked)});
    }
    lock.lock();
  }
  std::deque<SubscriptionOperation> left;
  left.swap(state_->noted);
  lock.unlock();
  for (SubscriptionOperation& operation : left) {
    operation.done(SubscriptionAnswer{.status = MakeError(ErrorCode::kShuttingDown)});
  }
}

SteadyTime PatternWalker::RefuseOverdue() {
  const SteadyTime now = std::chrono::steady_clock::now();
  SteadyTime next = CallContext::kNoDeadline;
  std::vector<SubscriptionOperation> overdue;
  {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    std::deque<SubscriptionOperation>& noted = state_->noted;
    const auto end = std::stable_partition(
        noted.begin(), noted.end(), [&](const SubscriptionOperation& operation) {
          const SteadyTime deadline = operation.call.context.deadline;
          if (deadline <= now) return false;
          next = std::min(next, deadline);
          return true;
        });
    std::move(end, noted.end(), std::back_inserter(overdue));
    noted.erase(end, noted.end());
  }
  for (SubscriptionOperation& operation : overdue) {
    operation.done(SubscriptionAnswer{.status = MakeError(ErrorCode::kDeadlineExceeded)});
  }
  return next;
}

absl::Status PatternWalker::Walk(PatternSearch& search, SteadyTime deadline) const {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(
      database_.db().NewIterator(options, database_.family(Family::kStreams)));
  const std::string prefix = search.pattern.Prefix();
  uint64_t seen = 0;
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    if (state_->interrupted) return MakeError(ErrorCode::kShuttingDown);
    if (++seen % kNamesBetweenLooks == 0 && std::chrono::steady_clock::now() >= deadline) {
      return MakeError(ErrorCode::kDeadlineExceeded);
    }
    const std::string_view path = ToView(it->key());
    if (!search.pattern.Matches(path)) continue;
    search.found.emplace_back(path);
    if (search.found.size() <= kMaxReadAhead) (void)cache_.Find(search.found.back());
  }
  if (!it->status().ok()) return InternalError(absl::DataLossError(it->status().ToString()));
  return absl::OkStatus();
}

}  // namespace ds

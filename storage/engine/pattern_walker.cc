#include "storage/engine/pattern_walker.h"

#include <string>
#include <utility>

#include "storage/api/errors.h"
#include "storage/engine/internal_error.h"

namespace ds {
namespace {

// Streams whose state is read ahead, so that the commit need not; more would not stay cached.
constexpr size_t kMaxReadAhead = 100'000;
// Puts that may wait.
constexpr size_t kMaxWaiting = 10'000;

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
    absl::Status walked = Walk(*operation.search);
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

absl::Status PatternWalker::Walk(PatternSearch& search) const {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(
      database_.db().NewIterator(options, database_.family(Family::kStreams)));
  const std::string prefix = search.pattern.Prefix();
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    if (state_->interrupted) return MakeError(ErrorCode::kShuttingDown);
    const std::string_view path = ToView(it->key());
    if (!search.pattern.Matches(path)) continue;
    search.found.emplace_back(path);
    if (search.found.size() <= kMaxReadAhead) (void)cache_.Find(search.found.back());
  }
  if (!it->status().ok()) return InternalError(absl::DataLossError(it->status().ToString()));
  return absl::OkStatus();
}

}  // namespace ds

#ifndef STORAGE_ENGINE_PATTERN_WALKER_H_
#define STORAGE_ENGINE_PATTERN_WALKER_H_

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "base/alarm.h"
#include "storage/api/stream_store.h"
#include "storage/engine/committer.h"
#include "storage/engine/database.h"
#include "storage/engine/operation.h"
#include "storage/engine/stream_cache.h"

namespace ds {

// Makes subscriptions that have a pattern: walks over the names of all streams on a thread of its
// own, so that neither commits nor connections wait for it. Thread-safe.
//
// The subscription is made by one commit, of the streams that are there then, each linked at the
// tail that it has then, as if the walk took no time. A Put that waits for its walk, or is walked
// for, beyond its deadline is refused (kDeadlineExceeded).
class PatternWalker {
 public:
  // All must outlive the object.
  PatternWalker(Database& database, StreamCache& cache, Committer& committer);
  // Ends the walk; those who wait are answered kShuttingDown. REQUIRES: no Put is called any more.
  ~PatternWalker();
  PatternWalker(const PatternWalker&) = delete;

  // Applies a Put. REQUIRES: it has a pattern.
  void Put(SubscriptionCall call, StreamStore::Callback<SubscriptionAnswer> done);

 private:
  struct State;

  void Run();
  // Errors: kInternal, kShuttingDown, kDeadlineExceeded.
  absl::Status Walk(PatternSearch& search, SteadyTime deadline) const;
  // Refuses those whose deadlines have passed; returns the next deadline.
  SteadyTime RefuseOverdue();

  Database& database_;
  StreamCache& cache_;
  Committer& committer_;
  // Shared with what is under way at the committer, which may answer after the end.
  const std::shared_ptr<State> state_;
  Alarm deadlines_;
  std::thread thread_;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_PATTERN_WALKER_H_

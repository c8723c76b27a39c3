#ifndef STORAGE_ENGINE_CENSUS_H_
#define STORAGE_ENGINE_CENSUS_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>

#include "storage/engine/database.h"
#include "storage/engine/prefix_quota.h"
#include "storage/engine/stream_entry.h"

namespace ds {

// How many streams there are. A start must not wait until they are counted, so a thread counts
// those of the moment of Start, while commits add what they change. Thread-safe.
class Census {
 public:
  struct Counts {
    int64_t streams = 0;  // that clients see, or would but for their expiry
    int64_t open = 0;     // of them: not closed
    int64_t forks = 0;    // of them: forks
    int64_t kept = 0;     // deleted, and kept for their forks

    Counts& operator+=(const Counts& other);
    Counts& operator-=(const Counts& other);
  };

  // Both must outlive the object. `quota` gets each stream that is counted.
  Census(Database& database, PrefixQuota& quota) : database_(database), quota_(quota) {}
  // Stops counting.
  ~Census();

  // To be called once, before the first commit.
  void Start();
  // A commit changed the numbers by `change`.
  void Add(const Counts& change);
  // Nothing before all are counted.
  std::optional<Counts> counts() const;

 private:
  void Count(const rocksdb::Snapshot* snapshot);

  Database& database_;
  PrefixQuota& quota_;
  std::atomic<int64_t> streams_{0};
  std::atomic<int64_t> open_{0};
  std::atomic<int64_t> forks_{0};
  std::atomic<int64_t> kept_{0};
  std::atomic<bool> counted_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// What one stream counts as.
Census::Counts CountsOf(const StreamConfig& config, const StreamState& state);

}  // namespace ds

#endif  // STORAGE_ENGINE_CENSUS_H_

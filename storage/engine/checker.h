#ifndef STORAGE_ENGINE_CHECKER_H_
#define STORAGE_ENGINE_CHECKER_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"

namespace ds {

// What a check has looked at and found.
struct CheckReport {
  uint64_t streams = 0;
  uint64_t records = 0;
  uint64_t bytes = 0;  // of payload
  uint64_t producers = 0;
  uint64_t deleted_streams = 0;  // of which something may still be there
  uint64_t subscriptions = 0;
  uint64_t problems = 0;
};

// Reads a data directory whole, without changing it, and compares what it says in one place with
// what it says in others: checksums of all files, metadata, that the records of each stream follow
// each other without holes and carry messages that add up, that forks and their sources know of
// each other, that timers and producers belong to streams. What deleted streams have left is no
// problem. `problem` gets a line for each thing that is wrong, `progress` the number of streams
// done so far, now and then. The directory must not be in use. Errors: those of opening it.
absl::StatusOr<CheckReport> CheckDirectory(const std::string& directory,
                                           const std::function<void(const std::string&)>& problem,
                                           const std::function<void(uint64_t)>& progress);

}  // namespace ds

#endif  // STORAGE_ENGINE_CHECKER_H_

#ifndef GATEWAY_LIMITS_RATE_LIMITER_H_
#define GATEWAY_LIMITS_RATE_LIMITER_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/time/time.h"

namespace ds {

// What one client may do; a client is a principal, or an address without one. 0: no limit.
struct RateLimits {
  double requests_per_second = 0;
  double request_burst = 0;  // at once; 0: as many as a second brings
  uint64_t bytes_per_second = 0;
  uint64_t byte_burst = 0;
  uint32_t live_readers = 0;  // at the same time

  bool any() const { return requests_per_second > 0 || bytes_per_second > 0 || live_readers > 0; }
};

// Token buckets and reader counts, one of each per client. Clients that have not come for a while
// and would have full buckets are forgotten, so memory follows those that are active. Thread-safe.
class RateLimiter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit RateLimiter(const RateLimits& limits);

  struct Decision {
    bool allowed = true;
    bool by_bytes = false;       // refused for bytes, not for requests
    uint64_t remaining = 0;      // requests that may come now
    absl::Duration reset;        // until the bucket of requests is full
    absl::Duration retry_after;  // of a refusal
  };
  // Takes one request with `bytes` of body. A client whose bytes are used up is refused until the
  // bucket has some again; what a request takes beyond them is owed.
  Decision Take(std::string_view client, uint64_t bytes, Time now);
  // Charges bytes that were sent to the client.
  void Charge(std::string_view client, uint64_t bytes, Time now);

  // Whether the client may have one more live reader; if so, RemoveReader must follow.
  bool AddReader(std::string_view client);
  void RemoveReader(std::string_view client);

  const RateLimits& limits() const { return limits_; }
  size_t clients() const;

 private:
  struct Client {
    double requests = 0;  // tokens
    double bytes = 0;     // below 0: owed
    Time at;              // when the tokens were counted
    uint32_t readers = 0;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, Client> clients;  // guarded by mutex
    size_t sweep_at = 1024;                           // clients; when to look for idle ones
  };
  static constexpr size_t kShards = 16;

  Shard& ShardOf(std::string_view client) {
    return shards_[std::hash<std::string_view>()(client) % kShards];
  }
  // The client with its buckets filled up to `now`. REQUIRES: the shard's mutex is held.
  Client& Find(Shard& shard, std::string_view client, Time now);
  void Fill(Client& client, Time now) const;
  void Sweep(Shard& shard, Time now) const;

  const RateLimits limits_;
  const double request_burst_;
  const double byte_burst_;
  std::array<Shard, kShards> shards_;
};

}  // namespace ds

#endif  // GATEWAY_LIMITS_RATE_LIMITER_H_

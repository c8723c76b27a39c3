#ifndef STORAGE_ENGINE_STORE_LIMITS_H_
#define STORAGE_ENGINE_STORE_LIMITS_H_

#include <cstdint>

namespace ds {

// How much there may be of what clients make; 0: any number. What is beyond is refused as
// kQuotaExceeded.
struct StoreLimits {
  uint64_t streams_per_prefix = 0;  // by the first segment of their paths
  uint64_t producers_per_stream = 100'000;
  uint64_t subscriptions = 10'000;
  // Streams that a client links to one subscription, by name or by its pattern. Those that are
  // created later and match the pattern do not count: they are bounded as streams.
  uint64_t links_per_subscription = 100'000;
  uint64_t fork_depth = 256;  // a fork of a stream that is none has depth 1
};

}  // namespace ds

#endif  // STORAGE_ENGINE_STORE_LIMITS_H_

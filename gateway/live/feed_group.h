#ifndef GATEWAY_LIVE_FEED_GROUP_H_
#define GATEWAY_LIVE_FEED_GROUP_H_

#include <cstdint>

#include "gateway/live/feed_reader.h"

namespace ds {

// The readers of one thread.
struct Feed::Group {
  explicit Group(http::IoThread& thread) : io(thread) {}

  http::IoThread& io;
  Readers readers;  // touched on that thread only
  // Guarded by the feed's mutex.
  bool active = false;    // there may be readers
  bool posted = false;    // a Dispatch is on its way
  bool resume = false;    // which is to resume them all
  uint64_t position = 0;  // up to which they have been told
};

}  // namespace ds

#endif  // GATEWAY_LIVE_FEED_GROUP_H_

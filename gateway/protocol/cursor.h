#ifndef GATEWAY_PROTOCOL_CURSOR_H_
#define GATEWAY_PROTOCOL_CURSOR_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "absl/time/time.h"

namespace ds {

struct CursorOptions {
  absl::Duration interval = absl::Seconds(20);
  absl::Time epoch = absl::FromUnixSeconds(1'728'432'000);  // 2024-10-09T00:00:00Z
};

// The largest cursor; nothing is above it, so a client that sends it cannot be answered.
inline constexpr uint64_t kMaxCursor = std::numeric_limits<uint64_t>::max();

// A cursor that a client sends back: a decimal number below kMaxCursor. Nothing for all others,
// which this server did not give out and could give no cursor above.
std::optional<uint64_t> ParseCursor(std::string_view text);

// The cursor of a live response (section 10.1): the number of the interval in which `now` lies, or
// above the client's own when that is not below it, by a jitter of up to 3600 seconds. The jitter
// ends where that of others does: readers whose cursors differ, since they came at different times,
// get the same one and from then on ask caches for the same URL.
// REQUIRES: the client's is below kMaxCursor.
uint64_t ResponseCursor(const CursorOptions& options, absl::Time now,
                        std::optional<uint64_t> client_cursor);

}  // namespace ds

#endif  // GATEWAY_PROTOCOL_CURSOR_H_

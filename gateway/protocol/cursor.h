#ifndef GATEWAY_PROTOCOL_CURSOR_H_
#define GATEWAY_PROTOCOL_CURSOR_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace ds {

struct CursorOptions {
  absl::Duration interval = absl::Seconds(20);
  absl::Time epoch = absl::FromUnixSeconds(1'728'432'000);  // 2024-10-09T00:00:00Z
};

// The cursor of a live response (section 10.1): the number of the interval in which `now` lies, or
// above the client's own when that is not below it, by a jitter of up to 3600 seconds. The jitter
// ends where that of others does: readers whose cursors differ, since they came at different times,
// get the same one and from then on ask caches for the same URL. A client's cursor that is no
// number counts as none.
uint64_t ResponseCursor(const CursorOptions& options, absl::Time now,
                        const std::optional<std::string>& client_cursor);

}  // namespace ds

#endif  // GATEWAY_PROTOCOL_CURSOR_H_

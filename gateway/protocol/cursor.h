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
// above the client's own when that is not below it, by a jitter of 1 to 3600 seconds. `random` is
// any number. A client's cursor that is no number counts as none.
uint64_t ResponseCursor(const CursorOptions& options, absl::Time now,
                        const std::optional<std::string>& client_cursor, uint64_t random);

}  // namespace ds

#endif  // GATEWAY_PROTOCOL_CURSOR_H_

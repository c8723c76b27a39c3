#include "gateway/protocol/cursor.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace ds {
namespace {

constexpr absl::Duration kMaxJitter = absl::Hours(1);

}  // namespace

uint64_t ResponseCursor(const CursorOptions& options, absl::Time now,
                        const std::optional<std::string>& client_cursor) {
  absl::Duration rest;
  const int64_t intervals = absl::IDivDuration(now - options.epoch, options.interval, &rest);
  const uint64_t current = static_cast<uint64_t>(std::max<int64_t>(intervals, 0));
  if (!client_cursor) return current;
  uint64_t theirs = 0;
  const char* const end = client_cursor->data() + client_cursor->size();
  const auto parsed = std::from_chars(client_cursor->data(), end, theirs);
  if (parsed.ec != std::errc() || parsed.ptr != end || theirs < current) return current;
  const uint64_t span = static_cast<uint64_t>(
      std::max<int64_t>(1, absl::IDivDuration(kMaxJitter, options.interval, &rest)));
  const uint64_t step = span - theirs % span;
  return theirs > std::numeric_limits<uint64_t>::max() - step ? theirs : theirs + step;
}

}  // namespace ds

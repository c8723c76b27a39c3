#include "gateway/protocol/cursor.h"

#include <algorithm>
#include <charconv>

namespace ds {
namespace {

constexpr absl::Duration kMaxJitter = absl::Hours(1);

}  // namespace

std::optional<uint64_t> ParseCursor(std::string_view text) {
  uint64_t cursor = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, cursor);
  if (parsed.ec != std::errc() || parsed.ptr != end || cursor == kMaxCursor) return std::nullopt;
  return cursor;
}

uint64_t ResponseCursor(const CursorOptions& options, absl::Time now,
                        std::optional<uint64_t> client_cursor) {
  absl::Duration rest;
  const int64_t intervals = absl::IDivDuration(now - options.epoch, options.interval, &rest);
  const uint64_t current = static_cast<uint64_t>(std::max<int64_t>(intervals, 0));
  if (!client_cursor || *client_cursor < current) return current;
  const uint64_t span = static_cast<uint64_t>(
      std::max<int64_t>(1, absl::IDivDuration(kMaxJitter, options.interval, &rest)));
  const uint64_t step = span - *client_cursor % span;
  return *client_cursor + std::min(step, kMaxCursor - *client_cursor);
}

}  // namespace ds

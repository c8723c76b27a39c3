// Cursors: for whatever a client sends there is a cursor above it, or it is refused.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "gateway/protocol/cursor.h"

// The first eight bytes are the time and the interval in seconds, the rest is the cursor.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  uint32_t numbers[2];
  if (size < sizeof numbers) return 0;
  std::memcpy(numbers, data, sizeof numbers);
  const std::string_view text(reinterpret_cast<const char*>(data) + sizeof numbers,
                              size - sizeof numbers);
  const std::optional<uint64_t> theirs = ds::ParseCursor(text);
  if (!theirs) return 0;
  const ds::CursorOptions options{.interval = absl::Seconds(1 + numbers[1] % 100'000)};
  const absl::Time now = absl::FromUnixSeconds(numbers[0]);
  const uint64_t ours = ds::ResponseCursor(options, now, theirs);
  if (ours <= *theirs || ours < ds::ResponseCursor(options, now, std::nullopt)) std::abort();
  return 0;
}

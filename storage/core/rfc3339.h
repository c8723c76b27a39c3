#ifndef STORAGE_CORE_RFC3339_H_
#define STORAGE_CORE_RFC3339_H_

#include <optional>
#include <string_view>

#include "absl/time/time.h"

namespace ds {

// The time that `text` names if it is an RFC 3339 `date-time` (section 5.6), and nothing else is
// one: four digits of a year, a day that its month has, `T` and `Z` in either case, any number of
// digits of a fraction (what is finer than nanoseconds is cut off), an offset within 23:59. A leap
// second stands at the end of a month in UTC only (section 5.7); it is the second that follows it.
std::optional<absl::Time> ParseRfc3339(std::string_view text);

}  // namespace ds

#endif  // STORAGE_CORE_RFC3339_H_

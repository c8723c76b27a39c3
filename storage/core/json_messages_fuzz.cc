// Splitting of JSON bodies, against an independent judge: what it takes is what RFC 8259 takes, and
// the messages are the elements, byte for byte.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json.hpp"
#include "storage/core/json_messages.h"

namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Whether some number is perhaps beyond what a double holds.
bool HasLargeNumber(std::string_view body) {
  size_t digits = 0;
  for (size_t i = 0; i < body.size(); ++i) {
    const bool exponent = (body[i] == 'e' || body[i] == 'E') && i > 0 && IsDigit(body[i - 1]);
    digits = IsDigit(body[i]) ? digits + 1 : 0;
    if (exponent || digits > 300) return true;
  }
  return false;
}

// Where the judge is known to differ: it skips a byte order mark, ends at a NUL, refuses lone
// surrogate escapes and numbers beyond a double, and knows no limit of depth.
bool CanBeJudged(std::string_view body) {
  if (body.starts_with("\xef\xbb\xbf") || body.find('\0') != body.npos) return false;
  if (body.find("\\ud") != body.npos || body.find("\\uD") != body.npos) return false;
  const auto opens = [](char c) { return c == '[' || c == '{'; };
  return !HasLargeNumber(body) &&
         std::count_if(body.begin(), body.end(), opens) <= ds::kMaxJsonDepth;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string original(reinterpret_cast<const char*>(data), size);
  std::string body = original;
  std::vector<uint32_t> sizes;
  const bool valid = ds::SplitJsonMessages(body, sizes).ok();
  if (CanBeJudged(original)) Check(valid == nlohmann::json::accept(original));
  if (!valid) return 0;

  Check(std::accumulate(sizes.begin(), sizes.end(), uint64_t{0}) == body.size());
  if (!CanBeJudged(original)) return 0;
  const nlohmann::json whole = nlohmann::json::parse(original);
  Check(sizes.size() == (whole.is_array() ? whole.size() : 1));
  size_t at = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const std::string message = body.substr(at, sizes[i]);
    at += sizes[i];
    Check(original.find(message) != original.npos);
    Check(nlohmann::json::parse(message) == (whole.is_array() ? whole[i] : whole));
  }
  return 0;
}

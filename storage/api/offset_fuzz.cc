// Offsets: what is taken names a place whose own text names it again, and text order is the order
// of places.

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "storage/api/offset.h"

namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

std::optional<ds::Offset> ParseChecked(std::string_view text) {
  const std::optional<ds::Offset> offset = ds::Offset::Parse(text);
  if (!offset) return offset;
  const std::string canonical = offset->ToString();
  Check(canonical.size() == ds::Offset::kTextSize);
  Check(ds::Offset::Parse(canonical) == offset);
  return offset;
}

}  // namespace

// The input is one offset, or two halves that are.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  ParseChecked(bytes);
  const std::optional<ds::Offset> a = ParseChecked(bytes.substr(0, size / 2));
  const std::optional<ds::Offset> b = ParseChecked(bytes.substr(size / 2));
  if (a && b && a->incarnation != 0 && b->incarnation != 0) {
    Check((*a < *b) == (a->ToString() < b->ToString()));
  }
  return 0;
}

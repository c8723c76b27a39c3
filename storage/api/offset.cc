#include "storage/api/offset.h"

namespace ds {
namespace {

constexpr size_t kDigits = 16;

void WriteHex(uint64_t value, char* out) {
  for (size_t i = kDigits; i-- > 0; value >>= 4) out[i] = "0123456789abcdef"[value & 15];
}

bool ParseHex(std::string_view text, uint64_t& value) {
  value = 0;
  for (const char c : text) {
    unsigned digit;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if (c >= 'a' && c <= 'f') {
      digit = c - 'a' + 10;
    } else {
      return false;
    }
    value = value << 4 | digit;
  }
  return true;
}

}  // namespace

void Offset::WriteTo(char* out) const {
  WriteHex(stream_id, out);
  out[kDigits] = '_';
  WriteHex(position, out + kDigits + 1);
}

std::string Offset::ToString() const {
  std::string text(kTextSize, '\0');
  WriteTo(text.data());
  return text;
}

std::optional<Offset> Offset::Parse(std::string_view text) {
  Offset offset;
  if (text.size() != kTextSize || text[kDigits] != '_' ||
      !ParseHex(text.substr(0, kDigits), offset.stream_id) ||
      !ParseHex(text.substr(kDigits + 1), offset.position)) {
    return std::nullopt;
  }
  return offset;
}

}  // namespace ds

#include "storage/api/offset.h"

namespace ds {
namespace {

constexpr size_t kDigits = 16;
// What the texts of old offsets begin with, and those of today do not.
// The last that has a text.
constexpr uint64_t kMaxPosition = 4'999'999'999'999'999;
constexpr std::string_view kOldPrefix = "0000";

void WriteDecimal(uint64_t value, char* out) {
  for (size_t i = kDigits; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

bool ParseDecimal(std::string_view text, uint64_t& value) {
  value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return true;
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

std::optional<Offset> ParseOld(std::string_view id, std::string_view position) {
  Offset offset;
  if (!ParseHex(id, offset.incarnation) || !ParseHex(position, offset.position) ||
      offset.incarnation >= Offset::kOldIds || offset.position > kMaxPosition) {
    return std::nullopt;
  }
  if (offset.incarnation == 0) {
    // No stream had this id: it is the beginning, of today's form, or nothing.
    if (offset.position > 1) return std::nullopt;
    offset.position = 0;
  }
  return offset;
}

}  // namespace

void Offset::WriteTo(char* out) const {
  const bool old = incarnation != 0 && incarnation < kOldIds;
  WriteDecimal(old ? incarnation + kOldIds : incarnation, out);
  out[kDigits] = '_';
  WriteDecimal(2 * position, out + kDigits + 1);
}

std::string Offset::ToString() const {
  std::string text(kTextSize, '\0');
  WriteTo(text.data());
  return text;
}

std::optional<Offset> Offset::Parse(std::string_view text) {
  if (text.size() != kTextSize || text[kDigits] != '_') return std::nullopt;
  const std::string_view first = text.substr(0, kDigits);
  const std::string_view second = text.substr(kDigits + 1);
  if (first.starts_with(kOldPrefix)) return ParseOld(first, second);
  uint64_t number = 0;
  uint64_t doubled = 0;
  if (!ParseDecimal(first, number) || !ParseDecimal(second, doubled)) return std::nullopt;
  if (number == kOldIds) return std::nullopt;  // that would be id 0
  return Offset{number < kFirstIncarnation ? number - kOldIds : number, doubled / 2};
}

}  // namespace ds

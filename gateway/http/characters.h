#ifndef GATEWAY_HTTP_CHARACTERS_H_
#define GATEWAY_HTTP_CHARACTERS_H_

#include <array>
#include <cstddef>
#include <string_view>

namespace ds::http {

// The value of a hexadecimal digit, or -1.
constexpr int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

namespace internal {

// Letters, digits and `others`.
constexpr std::array<bool, 256> Alphanumeric(std::string_view others) {
  std::array<bool, 256> table{};
  for (int c = 0; c < 256; ++c) {
    table[static_cast<size_t>(c)] =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  }
  for (const char c : others) table[static_cast<unsigned char>(c)] = true;
  return table;
}
inline constexpr std::array<bool, 256> kToken = Alphanumeric("!#$%&'*+-.^_`|~");
inline constexpr std::array<bool, 256> kUri = Alphanumeric("-._~!$&'()*+,;=");

}  // namespace internal

// What a token is made of, such as a field's name (RFC 9110 section 5.6.2).
constexpr bool IsTokenCharacter(char c) { return internal::kToken[static_cast<unsigned char>(c)]; }

// `unreserved` and `sub-delims` of a URI (RFC 3986 section 2).
constexpr bool IsUriCharacter(char c) { return internal::kUri[static_cast<unsigned char>(c)]; }

// What may stand in a field's value or between quotes: no control character but the tab (RFC 9110
// section 5.5).
constexpr bool IsFieldCharacter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || c == '\t';
}

}  // namespace ds::http

#endif  // GATEWAY_HTTP_CHARACTERS_H_

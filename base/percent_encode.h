#ifndef BASE_PERCENT_ENCODE_H_
#define BASE_PERCENT_ENCODE_H_

#include <string>
#include <string_view>

namespace ds {

// `text` with every byte as %XX but letters, digits, `-._~` (RFC 3986 section 2.3) and those in
// `also_plain`.
inline std::string PercentEncode(std::string_view text, std::string_view also_plain = {}) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos ||
                       also_plain.find(c) != std::string_view::npos;
    if (plain) {
      encoded.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
  }
  return encoded;
}

}  // namespace ds

#endif  // BASE_PERCENT_ENCODE_H_

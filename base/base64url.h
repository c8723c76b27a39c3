#ifndef BASE_BASE64URL_H_
#define BASE_BASE64URL_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"

namespace ds {

// The URL-safe alphabet without padding (RFC 4648 section 5), as JWTs and JWKs use it.
inline std::string Base64Url(std::string_view bytes) {
  std::string text;
  absl::WebSafeBase64Escape(absl::string_view(bytes.data(), bytes.size()), &text);
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

inline std::optional<std::string> FromBase64Url(std::string_view text) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(absl::string_view(text.data(), text.size()), &bytes)) {
    return std::nullopt;
  }
  return bytes;
}

}  // namespace ds

#endif  // BASE_BASE64URL_H_

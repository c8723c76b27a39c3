#include "base/bounded_json.h"

namespace ds {

bool KeepsJsonBounds(std::string_view text, const JsonBounds& bounds) {
  if (text.size() > bounds.max_bytes) return false;
  size_t depth = 0;
  size_t values = 1;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '"':
        in_string = !in_string;
        break;
      case '\\':
        if (in_string) ++i;
        break;
      case '[':
      case '{':
        if (in_string) break;
        ++values;
        if (++depth > bounds.max_depth) return false;
        break;
      case ']':
      case '}':
        if (!in_string && depth > 0) --depth;
        break;
      case ',':
        if (!in_string) ++values;
        break;
      default:
        break;
    }
    if (values > bounds.max_values) return false;
  }
  return true;
}

nlohmann::json ParseBoundedJson(std::string_view text, const JsonBounds& bounds) {
  if (!KeepsJsonBounds(text, bounds)) return nlohmann::json::value_t::discarded;
  return nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
}

}  // namespace ds

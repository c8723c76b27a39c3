#include "storage/core/content_type.h"

#include <cstddef>

namespace ds {
namespace {

constexpr size_t kMaxSize = 255;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsTokenChar(char c) {
  return (Lower(c) >= 'a' && Lower(c) <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string_view MediaType(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (!content_type.empty() && (content_type.back() == ' ' || content_type.back() == '\t')) {
    content_type.remove_suffix(1);
  }
  while (!content_type.empty() && (content_type.front() == ' ' || content_type.front() == '\t')) {
    content_type.remove_prefix(1);
  }
  return content_type;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

}  // namespace

bool IsValidContentType(std::string_view content_type) {
  if (content_type.size() > kMaxSize) return false;
  for (const char c : content_type) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte >= 0x7f) return false;
  }
  const std::string_view media_type = MediaType(content_type);
  const size_t slash = media_type.find('/');
  if (slash == 0 || slash == std::string_view::npos || slash + 1 == media_type.size()) return false;
  for (size_t i = 0; i < media_type.size(); ++i) {
    if (i != slash && !IsTokenChar(media_type[i])) return false;
  }
  return true;
}

bool SameMediaType(std::string_view a, std::string_view b) {
  return EqualsIgnoringCase(MediaType(a), MediaType(b));
}

bool IsJson(std::string_view content_type) {
  return EqualsIgnoringCase(MediaType(content_type), "application/json");
}

bool IsText(std::string_view content_type) {
  return IsJson(content_type) || EqualsIgnoringCase(MediaType(content_type).substr(0, 5), "text/");
}

}  // namespace ds

#include "gateway/protocol/target.h"

#include <algorithm>

#include "simdjson.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

absl::Status BadPath(std::string_view why) { return MakeError(ErrorCode::kInvalidPath, why); }

}  // namespace

const std::string* Target::Find(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return &value;
  }
  return nullptr;
}

size_t Target::Count(std::string_view name) const {
  return static_cast<size_t>(
      std::count_if(query.begin(), query.end(), [&](const auto& q) { return q.first == name; }));
}

bool PercentDecode(std::string_view text, bool plus_is_space, std::string& out) {
  out.clear();
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return false;
      const int high = HexDigit(text[i + 1]);
      const int low = HexDigit(text[i + 2]);
      if (high < 0 || low < 0) return false;
      out.push_back(static_cast<char>(high << 4 | low));
      i += 2;
    } else {
      out.push_back(text[i] == '+' && plus_is_space ? ' ' : text[i]);
    }
  }
  return true;
}

std::string_view TargetPath(std::string_view target) {
  if (!target.starts_with('/')) {
    const size_t scheme = target.find("://");
    if (scheme != target.npos) {
      const size_t slash = target.find('/', scheme + 3);
      target = slash == target.npos ? std::string_view("/") : target.substr(slash);
    }
  }
  return target.substr(0, target.find_first_of("?#"));
}

absl::Status ParseStreamPath(std::string_view url_path, std::string_view root, std::string& path) {
  if (!url_path.starts_with(root)) {
    return MakeError(ErrorCode::kStreamNotFound,
                     "streams live below " + std::string(root) + " on this server");
  }
  if (!PercentDecode(url_path.substr(root.size()), /*plus_is_space=*/false, path)) {
    return BadPath("malformed percent-encoding");
  }
  if (path.empty()) return BadPath("the stream path is empty");
  if (path.size() > kMaxPathBytes) {
    return BadPath("the stream path is longer than " + std::to_string(kMaxPathBytes) + " bytes");
  }
  if (!simdjson::validate_utf8(path.data(), path.size())) return BadPath("not valid UTF-8");
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return BadPath("control characters are not allowed");
  }
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = std::string_view(path).substr(at, end - at);
    if (segment == "." || segment == "..") return BadPath("'.' and '..' are not allowed");
    at = end + 1;
  }
  return absl::OkStatus();
}

absl::Status ParseTarget(std::string_view target, std::string_view root, Target& out) {
  absl::Status status = ParseStreamPath(TargetPath(target), root, out.path);
  if (!status.ok()) return status;
  const size_t mark = target.find('?');
  if (mark == target.npos) return absl::OkStatus();
  std::string_view rest = target.substr(mark + 1);
  rest = rest.substr(0, rest.find('#'));
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view item = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (item.empty()) continue;
    const size_t equals = std::min(item.find('='), item.size());
    auto& [key, value] = out.query.emplace_back();
    if (!PercentDecode(item.substr(0, equals), true, key) ||
        !PercentDecode(item.substr(std::min(equals + 1, item.size())), true, value)) {
      return MakeError(ErrorCode::kInvalidQuery, "malformed percent-encoding");
    }
  }
  return absl::OkStatus();
}

}  // namespace ds

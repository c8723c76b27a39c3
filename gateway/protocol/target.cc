#include "gateway/protocol/target.h"

#include <algorithm>
#include <utility>

#include "storage/api/errors.h"

namespace ds {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

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

absl::StatusOr<StreamPath> ParseStreamPath(std::string_view url_path, std::string_view root) {
  if (!url_path.starts_with(root)) {
    return MakeError(ErrorCode::kStreamNotFound,
                     "streams live below " + std::string(root) + " on this server");
  }
  std::string path;
  if (!PercentDecode(url_path.substr(root.size()), /*plus_is_space=*/false, path)) {
    return MakeError(ErrorCode::kInvalidPath, "malformed percent-encoding");
  }
  return StreamPath::Parse(std::move(path));
}

std::string EscapePath(std::string_view path) {
  constexpr std::string_view kPlain = "-._~!$&'()*+,;=:@/";
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : path) {
    const bool alphanumeric =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (alphanumeric || kPlain.find(c) != kPlain.npos) {
      escaped.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      escaped += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return escaped;
}

absl::Status ParseTarget(std::string_view target, std::string_view root, Target& out) {
  // Nobody should send a fragment; what stands in it is no query.
  target = target.substr(0, target.find('#'));
  absl::StatusOr<StreamPath> path = ParseStreamPath(TargetPath(target), root);
  if (!path.ok()) return path.status();
  out.path = *std::move(path);
  const size_t mark = target.find('?');
  if (mark == target.npos) return absl::OkStatus();
  std::string_view rest = target.substr(mark + 1);
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

std::string WithoutParameter(std::string_view target, std::string_view name) {
  target = target.substr(0, target.find('#'));
  const size_t mark = target.find('?');
  if (mark == target.npos) return std::string(target);
  std::string kept(target.substr(0, mark));
  char separator = '?';
  std::string key;
  for (std::string_view rest = target.substr(mark + 1);;) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view item = rest.substr(0, end);
    const bool is_it = PercentDecode(item.substr(0, item.find('=')), true, key) && key == name;
    if (!is_it) {
      kept.push_back(separator);
      kept.append(item);
      separator = '&';
    }
    if (end == rest.size()) return kept;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace ds

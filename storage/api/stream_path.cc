#include "storage/api/stream_path.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "simdjson.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

absl::Status Bad(std::string_view why) { return MakeError(ErrorCode::kInvalidPath, why); }

// Whether a segment is `.` or `..`. Few paths have a dot behind a slash, so it is looked for first.
bool HasDotSegment(std::string_view path) {
  for (size_t at = 0; at < path.size();) {
    if (path[at] == '.') {
      const size_t end = std::min(path.find('/', at), path.size());
      const std::string_view segment = path.substr(at, end - at);
      if (segment == "." || segment == "..") return true;
    }
    const size_t slash = path.find('/', at);
    if (slash == path.npos) return false;
    at = slash + 1;
  }
  return false;
}

absl::Status Check(std::string_view text) {
  if (text.empty()) return Bad("the stream path is empty");
  if (text.size() > StreamPath::kMaxBytes) {
    return Bad("the stream path is longer than " + std::to_string(StreamPath::kMaxBytes) +
               " bytes");
  }
  absl::Status status = CheckPathCharacters(text);
  if (status.ok() && HasDotSegment(text)) status = Bad("'.' and '..' are not allowed");
  return status;
}

}  // namespace

absl::Status CheckPathCharacters(std::string_view text) {
  unsigned char all = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return Bad("control characters are not allowed");
    all |= byte;
  }
  if (all >= 0x80 && !simdjson::validate_utf8(text.data(), text.size())) {
    return Bad("not valid UTF-8");
  }
  return absl::OkStatus();
}

std::string_view StripSlashes(std::string_view text) {
  while (text.starts_with('/')) text.remove_prefix(1);
  while (text.ends_with('/')) text.remove_suffix(1);
  return text;
}

absl::StatusOr<StreamPath> StreamPath::Parse(std::string text) {
  absl::Status status = Check(text);
  if (!status.ok()) return status;
  return StreamPath(std::move(text));
}

absl::StatusOr<StreamPath> StreamPath::ParseReference(std::string_view text) {
  return Parse(std::string(StripSlashes(text)));
}

bool StreamPath::is_reserved() const { return text_ == "__ds" || text_.starts_with("__ds/"); }

std::string StreamPath::CheckedLiteral(std::string_view literal) {
  const absl::Status status = Check(literal);
  if (!status.ok()) {
    std::fprintf(stderr, "'%.*s' is no stream path\n", static_cast<int>(literal.size()),
                 literal.data());
    std::abort();
  }
  return std::string(literal);
}

}  // namespace ds

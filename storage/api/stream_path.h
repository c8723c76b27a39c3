#ifndef STORAGE_API_STREAM_PATH_H_
#define STORAGE_API_STREAM_PATH_H_

#include <compare>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace ds {

// The name of a stream: its path below the stream root, percent-decoded. Two texts name the same
// stream when they are equal, byte for byte; slashes count, and so does letter case.
//
// The requests of a StreamStore carry names as this type, and it cannot be made from a client's
// text but by Parse. So what was judged, by rules or otherwise, is what the store is asked for:
// each edge (HTTP, gRPC) makes the name once, and all behind it use that.
class StreamPath {
 public:
  static constexpr size_t kMaxBytes = 2048;

  // Names nothing.
  StreamPath() = default;
  // A name that stands in the program itself. REQUIRES: Parse accepts it; the program ends if not.
  template <size_t kSize>
  StreamPath(const char (&literal)[kSize])  // NOLINT(google-explicit-constructor)
      : text_(CheckedLiteral(std::string_view(literal, kSize - 1))) {}

  // Errors: kInvalidPath for empty names, more than kMaxBytes, segments `.` and `..`, control
  // characters, and anything that is not UTF-8.
  static absl::StatusOr<StreamPath> Parse(std::string text);
  // The same for a name in a body, where slashes at both ends do not count (protocol section 6).
  static absl::StatusOr<StreamPath> ParseReference(std::string_view text);
  // A name that the store gave out or has on disk: not checked. Not for anything a client wrote.
  static StreamPath FromStore(std::string text) { return StreamPath(std::move(text)); }

  bool empty() const { return text_.empty(); }
  const std::string& text() const& { return text_; }
  std::string text() && { return std::move(text_); }
  operator const std::string&() const& {  // NOLINT(google-explicit-constructor)
    return text_;
  }
  // Whether it lies below `__ds`, where the control APIs live: never a stream (section 6).
  bool is_reserved() const;

  friend bool operator==(const StreamPath&, const StreamPath&) = default;
  template <std::convertible_to<std::string_view> Text>
  friend bool operator==(const StreamPath& path, const Text& text) {
    return path.text_ == std::string_view(text);
  }
  friend auto operator<=>(const StreamPath&, const StreamPath&) = default;

 private:
  explicit StreamPath(std::string text) : text_(std::move(text)) {}
  static std::string CheckedLiteral(std::string_view literal);

  std::string text_;
};

// Without the slashes at its ends.
std::string_view StripSlashes(std::string_view text);

// The stream that lists all others, where the server keeps one (--registry).
inline constexpr char kRegistryPath[] = "__registry__";

// What Parse says of the characters of `text`, which may also be a part of a name or a pattern:
// kInvalidPath for control characters and what is not UTF-8.
absl::Status CheckPathCharacters(std::string_view text);

}  // namespace ds

#endif  // STORAGE_API_STREAM_PATH_H_

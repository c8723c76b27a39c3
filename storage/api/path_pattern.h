#ifndef STORAGE_API_PATH_PATTERN_H_
#define STORAGE_API_PATH_PATTERN_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace ds {

// Which streams are meant, by their paths: the one language of rules, subscriptions and watches
// (protocol section 6.2). A pattern is compared segment by segment, case-sensitively:
//
//   *      one segment, whatever it is
//   **     any number of segments, none among them: `a/**` means `a`, too
//   x*y    a segment that begins with x and ends with y; one `*` in a segment at most
//   %2A    an asterisk
//
// and every other text means itself. Immutable.
class PathPattern {
 public:
  static constexpr size_t kMaxBytes = 2048;
  // So that matching takes a known time: a path has 2,048 bytes at most.
  static constexpr size_t kMaxSegments = 64;

  // What one segment stands for. `**` is kAny; `*` is kPart with both texts empty.
  struct Segment {
    enum class Kind : uint8_t { kLiteral, kPart, kAny };
    Kind kind = Kind::kLiteral;
    std::string begin;  // of kLiteral: all of it
    std::string end;    // of kPart

    bool any() const { return kind == Kind::kAny; }
    bool one() const { return kind == Kind::kPart && begin.empty() && end.empty(); }
    bool Matches(std::string_view segment) const;
    // Whether it matches all that `narrow` does. REQUIRES: none of both is kAny.
    bool Covers(const Segment& narrow) const;

    friend bool operator==(const Segment&, const Segment&) = default;
  };

  // Means no stream.
  PathPattern() = default;
  // A pattern that stands in the program itself. REQUIRES: Parse accepts it; the program ends if
  // not.
  template <size_t kSize>
  PathPattern(const char (&literal)[kSize])  // NOLINT(google-explicit-constructor)
      : PathPattern(FromLiteral(std::string_view(literal, kSize - 1))) {}
  // Errors: kBadRequest, with the reason and what to write instead.
  static absl::StatusOr<PathPattern> Parse(std::string text);
  // A pattern that was kept, whatever its bounds; empty for an empty text. What Parse does not
  // understand means itself; so does, with `parts` false, an asterisk inside a segment, as it did
  // in patterns before that meant something.
  static PathPattern FromStore(std::string_view text, bool parts);

  // As it was written; empty: means no stream.
  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  // In an order that equal patterns share: no two `**` in a row, and no `*` behind one.
  const std::vector<Segment>& segments() const { return segments_; }

  // Takes time in proportion to the two lengths' product at worst; allocates nothing.
  bool Matches(std::string_view path) const;
  // Whether it means every stream that `narrow` means. May be false although it does where the two
  // are written differently; never true although it does not.
  bool Covers(const PathPattern& narrow) const;
  // What all paths that it means begin with: "a/b/" of "a/b/*/c", "a/b" of "a/b*", "" of "**".
  std::string Prefix() const;

  // By their texts.
  friend bool operator==(const PathPattern& a, const PathPattern& b) { return a.text_ == b.text_; }

 private:
  static PathPattern FromLiteral(std::string_view literal);
  void Append(Segment segment);

  std::string text_;
  std::vector<Segment> segments_;
};

// Calls `visit` with every segment of a path, in order.
template <typename Visit>
void ForEachSegment(std::string_view path, Visit visit) {
  for (size_t at = 0;;) {
    const size_t end = path.find('/', at);
    visit(path.substr(at, end == path.npos ? end : end - at));
    if (end == path.npos) return;
    at = end + 1;
  }
}

// A text that means only itself in a pattern: asterisks become %2A.
std::string EscapePattern(std::string_view literal);

}  // namespace ds

#endif  // STORAGE_API_PATH_PATTERN_H_

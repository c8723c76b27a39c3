#include "storage/api/path_pattern.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "storage/api/errors.h"
#include "storage/api/stream_path.h"

namespace ds {
namespace {

using Segment = PathPattern::Segment;

absl::Status Bad(std::string_view why) { return MakeError(ErrorCode::kBadRequest, why); }

std::string Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i, 3);
    if (rest == "%2A" || rest == "%2a") {
      plain.push_back('*');
      i += 2;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

absl::StatusOr<Segment> ParseSegment(std::string_view text) {
  if (text == "**") return Segment{.kind = Segment::Kind::kAny};
  const size_t star = text.find('*');
  if (star == text.npos) return Segment{.begin = Unescape(text)};
  const std::string_view behind = text.substr(star + 1);
  if (behind.starts_with('*')) {
    return Bad("'" + std::string(text) + "': '**' must be a whole segment; '" +
               std::string(text.substr(0, star)) + "*/**' is what begins so, and all below it");
  }
  if (behind.find('*') != behind.npos) {
    return Bad("'" + std::string(text) +
               "': a segment may have one '*'; '%2A' stands for an asterisk");
  }
  return Segment{.kind = Segment::Kind::kPart,
                 .begin = Unescape(text.substr(0, star)),
                 .end = Unescape(behind)};
}

// Takes the segments of a path one by one.
class Cursor {
 public:
  explicit Cursor(std::string_view path) : rest_(path) {}

  bool done() const { return done_; }
  std::string_view segment() const { return rest_.substr(0, rest_.find('/')); }
  void Advance() {
    const size_t slash = rest_.find('/');
    if (slash == rest_.npos) {
      done_ = true;
    } else {
      rest_.remove_prefix(slash + 1);
    }
  }

 private:
  std::string_view rest_;
  bool done_ = false;
};

}  // namespace

bool Segment::Matches(std::string_view segment) const {
  if (kind == Kind::kLiteral) return segment == begin;
  return kind == Kind::kAny || (segment.size() >= begin.size() + end.size() &&
                                segment.starts_with(begin) && segment.ends_with(end));
}

bool Segment::Covers(const Segment& narrow) const {
  if (narrow.kind == Kind::kLiteral) return Matches(narrow.begin);
  // What `narrow` leaves open may be empty, so its two texts alone have to do.
  return kind == Kind::kPart && narrow.begin.starts_with(begin) && narrow.end.ends_with(end);
}

absl::StatusOr<PathPattern> PathPattern::Parse(std::string text) {
  if (text.empty()) return Bad("a pattern must not be empty");
  if (text.size() > kMaxBytes) {
    return Bad("a pattern may have " + std::to_string(kMaxBytes) + " bytes at most");
  }
  if (const absl::Status status = CheckPathCharacters(text); !status.ok()) {
    return Bad(std::string(status.message()));
  }
  PathPattern pattern;
  absl::Status wrong;
  size_t count = 0;
  ForEachSegment(text, [&](std::string_view part) {
    if (++count > kMaxSegments || !wrong.ok()) return;
    absl::StatusOr<Segment> segment = ParseSegment(part);
    if (!segment.ok()) {
      wrong = segment.status();
      return;
    }
    pattern.Append(*std::move(segment));
  });
  if (!wrong.ok()) return wrong;
  if (count > kMaxSegments) {
    return Bad("a pattern may have " + std::to_string(kMaxSegments) + " segments at most");
  }
  pattern.text_ = std::move(text);
  return pattern;
}

void PathPattern::Append(Segment segment) {
  const bool behind_any = !segments_.empty() && segments_.back().any();
  if (behind_any && segment.any()) return;
  segments_.push_back(std::move(segment));
  // `**/*` and `*/**` mean the same; in one order they are found to be the same.
  if (behind_any && segments_.back().one()) std::swap(segments_.back(), *(segments_.end() - 2));
}

PathPattern PathPattern::FromStore(std::string_view text, bool parts) {
  PathPattern pattern;
  if (text.empty()) return pattern;
  ForEachSegment(text, [&](std::string_view part) {
    absl::StatusOr<Segment> segment = ParseSegment(part);
    const bool is_part = segment.ok() && segment->kind == Segment::Kind::kPart && !segment->one();
    if (!segment.ok() || (is_part && !parts)) segment = Segment{.begin = Unescape(part)};
    if (!pattern.text_.empty() || !pattern.segments_.empty()) pattern.text_.push_back('/');
    const bool literal = segment->kind == Segment::Kind::kLiteral;
    pattern.text_ += literal ? EscapePattern(part) : std::string(part);
    pattern.Append(*std::move(segment));
  });
  return pattern;
}

PathPattern PathPattern::FromLiteral(std::string_view literal) {
  absl::StatusOr<PathPattern> pattern = Parse(std::string(literal));
  if (!pattern.ok()) {
    std::fprintf(stderr, "%s\n", std::string(pattern.status().message()).c_str());
    std::abort();
  }
  return *std::move(pattern);
}

bool PathPattern::Matches(std::string_view path) const {
  if (empty()) return false;
  // Where to go on when what follows the last `**` does not fit: it takes one segment more.
  size_t retry = segments_.size();
  Cursor retry_at(path);
  size_t at = 0;
  Cursor cursor(path);
  while (!cursor.done()) {
    if (at < segments_.size() && segments_[at].any()) {
      retry = ++at;
      if (at == segments_.size()) return true;
      retry_at = cursor;
    } else if (at < segments_.size() && segments_[at].Matches(cursor.segment())) {
      ++at;
      cursor.Advance();
    } else if (retry < segments_.size()) {
      retry_at.Advance();
      cursor = retry_at;
      at = retry;
    } else {
      return false;
    }
  }
  while (at < segments_.size() && segments_[at].any()) ++at;
  return at == segments_.size();
}

bool PathPattern::Covers(const PathPattern& narrow) const {
  if (empty() || narrow.empty()) return false;
  // The narrow pattern is taken for a path whose wildcards are segments of their own kind: `**` is
  // one that only `**` matches.
  const std::vector<Segment>& path = narrow.segments_;
  std::vector<char> reached(path.size() + 1, 0);
  reached[0] = 1;
  for (const Segment& segment : segments_) {
    if (segment.any()) {
      for (size_t i = 0; i < path.size(); ++i) reached[i + 1] |= reached[i];
      continue;
    }
    for (size_t i = path.size(); i > 0; --i) {
      reached[i] = reached[i - 1] && !path[i - 1].any() && segment.Covers(path[i - 1]);
    }
    reached[0] = 0;
  }
  return reached[path.size()] != 0;
}

std::string PathPattern::Prefix() const {
  std::string prefix;
  for (size_t i = 0; i < segments_.size(); ++i) {
    const Segment& segment = segments_[i];
    if (segment.any()) break;
    if (i > 0) prefix += "/";
    prefix += segment.begin;
    if (segment.kind != Segment::Kind::kLiteral) break;
  }
  return prefix;
}

std::string EscapePattern(std::string_view literal) {
  std::string escaped;
  for (const char c : literal) {
    if (c == '*') {
      escaped += "%2A";
    } else {
      escaped.push_back(c);
    }
  }
  return escaped;
}

}  // namespace ds

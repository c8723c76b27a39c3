// Patterns: whatever a client sends, the index finds what a plain matcher says, matching one
// pattern says the same, and a pattern that is said to cover another means all its paths. Lines of
// the input: patterns, until an empty line; then paths.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/api/path_pattern.h"
#include "storage/subscriptions/pattern.h"

namespace {

using Segments = std::vector<std::string>;

void Check(bool condition) {
  if (!condition) std::abort();
}

Segments Split(std::string_view text, char separator) {
  Segments parts;
  while (true) {
    const size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

// One segment: by the definition, character by character.
bool SegmentMatches(std::string_view pattern, std::string_view segment) {
  if (pattern.empty()) return segment.empty();
  if (pattern[0] == '*') {
    for (size_t taken = 0; taken <= segment.size(); ++taken) {
      if (SegmentMatches(pattern.substr(1), segment.substr(taken))) return true;
    }
    return false;
  }
  const bool escaped = pattern.starts_with("%2A") || pattern.starts_with("%2a");
  if (segment.empty() || segment[0] != (escaped ? '*' : pattern[0])) return false;
  return SegmentMatches(pattern.substr(escaped ? 3 : 1), segment.substr(1));
}

// A table of which beginnings of the pattern match which beginnings of the path.
bool NaiveMatches(const Segments& pattern, const Segments& path) {
  std::vector<std::vector<char>> table(pattern.size() + 1, std::vector<char>(path.size() + 1, 0));
  table[0][0] = 1;
  for (size_t p = 0; p < pattern.size(); ++p) {
    for (size_t i = 0; i <= path.size(); ++i) {
      if (pattern[p] == "**") {
        table[p + 1][i] = table[p][i] || (i > 0 && table[p + 1][i - 1]);
      } else {
        table[p + 1][i] = i > 0 && table[p][i - 1] && SegmentMatches(pattern[p], path[i - 1]);
      }
    }
  }
  return table[pattern.size()][path.size()] != 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<ds::PathPattern> patterns;
  std::vector<std::string> paths;
  bool in_paths = false;
  for (const std::string& line : Split(text, '\n')) {
    if (line.empty()) {
      in_paths = true;
    } else if (in_paths) {
      if (paths.size() < 8) paths.push_back(line);
    } else if (patterns.size() < 8) {
      absl::StatusOr<ds::PathPattern> pattern = ds::PathPattern::Parse(line);
      if (pattern.ok()) patterns.push_back(*std::move(pattern));
    }
  }
  ds::PatternIndex index;
  for (ds::PathPattern& pattern : patterns) index.Add(pattern, &pattern);
  for (const std::string& path : paths) {
    std::multiset<const void*> expected;
    for (const ds::PathPattern& pattern : patterns) {
      const bool matches = NaiveMatches(Split(pattern.text(), '/'), Split(path, '/'));
      Check(pattern.Matches(path) == matches);
      if (!matches) continue;
      Check(path.starts_with(pattern.Prefix()));
      expected.insert(&pattern);
    }
    const std::vector<void*> found = index.Find(path);
    Check(std::multiset<const void*>(found.begin(), found.end()) == expected);
    for (const ds::PathPattern& wide : patterns) {
      for (const ds::PathPattern& narrow : patterns) {
        if (wide.Covers(narrow) && narrow.Matches(path)) Check(wide.Matches(path));
      }
    }
  }
  for (ds::PathPattern& pattern : patterns) index.Remove(pattern, &pattern);
  Check(index.empty());
  for (const std::string& path : paths) Check(index.Find(path).empty());
  return 0;
}

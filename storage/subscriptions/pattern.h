#ifndef STORAGE_SUBSCRIPTIONS_PATTERN_H_
#define STORAGE_SUBSCRIPTIONS_PATTERN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/api/path_pattern.h"

namespace ds {

// Finds the patterns that mean a path: a trie by segments, through which a path's segments lead one
// by one. A step looks at the nodes that the path so far leads to, each once, so the time is that
// of the path's segments times those nodes, however many ways there are to a node. Behind a `**`
// all that was reached once may be reached again at every later segment; so how many nodes lie
// behind one is bounded, with HasRoomFor. The rest costs what it matches. Not thread-safe.
class PatternIndex {
 public:
  // Nodes behind a `**` that one path can lead to: of patterns that begin with the same literal
  // segment, and of all that begin with a wildcard, each. A path of 128 segments, as long as
  // a stream's may be when it is created, then takes a millisecond at worst.
  static constexpr size_t kMaxFloating = 128;

  PatternIndex();
  ~PatternIndex();
  PatternIndex(const PatternIndex&) = delete;

  // Whether the pattern may be added without finding becoming slow.
  bool HasRoomFor(const PathPattern& pattern) const;
  // `value` comes back from Find; it is the caller's, and may be added for several patterns.
  void Add(const PathPattern& pattern, void* value);
  // REQUIRES: it was added.
  void Remove(const PathPattern& pattern, void* value);
  bool empty() const { return size_ == 0; }

  // The values of all patterns that mean the path, each pattern's once.
  std::vector<void*> Find(std::string_view path);

 private:
  struct Node;
  struct Search;

  // Behind `**` lie so many nodes more of the patterns that begin as this one does.
  void AddFloating(const PathPattern& pattern, std::ptrdiff_t change);
  static bool RemoveBelow(Node& node, const PathPattern& pattern, size_t at, bool floating,
                          void* value, std::ptrdiff_t& removed);

  std::unique_ptr<Node> root_;
  size_t size_ = 0;
  uint64_t step_ = 0;  // of all searches so far
  // How many nodes lie behind a `**`, by what their patterns begin with.
  std::unordered_map<std::string, size_t> floating_;
};

}  // namespace ds

#endif  // STORAGE_SUBSCRIPTIONS_PATTERN_H_

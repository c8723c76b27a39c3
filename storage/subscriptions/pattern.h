#ifndef STORAGE_SUBSCRIPTIONS_PATTERN_H_
#define STORAGE_SUBSCRIPTIONS_PATTERN_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ds {

// Whether a subscription's pattern names a stream (section 6.2): a segment `*` stands for one
// segment, `**` for zero or more; any other stands for itself, `%2A` in it for an asterisk.
bool PatternMatches(std::string_view pattern, std::string_view path);

// What every path of the pattern begins with: "a/b" of "a/b/*/c", "" of "**".
std::string PatternPrefix(std::string_view pattern);

// Finds the patterns that name a path, in time that depends on the path and on what matches, not on
// how many patterns there are: a trie by segments. Not thread-safe.
class PatternIndex {
 public:
  PatternIndex();
  ~PatternIndex();

  // `value` comes back from Find; it is the caller's, and may be added for several patterns.
  void Add(std::string_view pattern, void* value);
  // REQUIRES: it was added.
  void Remove(std::string_view pattern, void* value);
  bool empty() const { return size_ == 0; }

  // The values of all patterns that name the path, each pattern's once.
  std::vector<void*> Find(std::string_view path) const;

 private:
  struct Node;
  struct Search;
  static void Collect(const Node& node, size_t at, Search& search);

  std::unique_ptr<Node> root_;
  size_t size_ = 0;
};

}  // namespace ds

#endif  // STORAGE_SUBSCRIPTIONS_PATTERN_H_

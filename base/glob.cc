#include "base/glob.h"

#include <vector>

namespace ds {

bool GlobMatches(std::string_view pattern, std::string_view path) {
  // reachable[i]: the pattern read so far matches the first i characters of the path.
  std::vector<char> reachable(path.size() + 1, 0);
  reachable[0] = 1;
  for (size_t p = 0; p < pattern.size(); ++p) {
    if (pattern[p] == '*') {
      const bool crosses = p + 1 < pattern.size() && pattern[p + 1] == '*';
      if (crosses) ++p;
      for (size_t i = 0; i < path.size(); ++i) {
        if (reachable[i] && (crosses || path[i] != '/')) reachable[i + 1] = 1;
      }
    } else {
      for (size_t i = path.size(); i > 0; --i) {
        reachable[i] = reachable[i - 1] && path[i - 1] == pattern[p];
      }
      reachable[0] = 0;
    }
  }
  return reachable[path.size()];
}

}  // namespace ds

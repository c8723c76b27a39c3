#ifndef BASE_GLOB_H_
#define BASE_GLOB_H_

#include <string_view>

namespace ds {

// Whether `path` matches `pattern`: `*` matches any run of characters without `/`, `**` any run
// at all, every other character itself. Takes time in proportion to the two lengths' product.
bool GlobMatches(std::string_view pattern, std::string_view path);

}  // namespace ds

#endif  // BASE_GLOB_H_

#ifndef GATEWAY_PROTOCOL_LISTS_H_
#define GATEWAY_PROTOCOL_LISTS_H_

#include <algorithm>
#include <string_view>

// What the values of list-based fields (RFC 9110 section 5.6.1) have in common.

namespace ds {

// `text` without the spaces and tabs around it.
inline std::string_view TrimSpace(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Calls `visit` with every item of a comma-separated list that is not empty. A comma within quotes
// separates nothing.
template <typename Visit>
void ForEachListItem(std::string_view list, Visit visit) {
  bool quoted = false;
  size_t begin = 0;
  for (size_t at = 0; at <= list.size(); ++at) {
    if (at < list.size() && list[at] == '"') quoted = !quoted;
    if (at < list.size() && (quoted || list[at] != ',')) continue;
    const std::string_view item = TrimSpace(list.substr(begin, at - begin));
    begin = at + 1;
    if (!item.empty()) visit(item);
  }
}

}  // namespace ds

#endif  // GATEWAY_PROTOCOL_LISTS_H_

#ifndef STORAGE_API_OFFSET_H_
#define STORAGE_API_OFFSET_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ds {

// A place in a stream as clients hold it (protocol section 8): the id of the incarnation whose data
// ends there, and the position in bytes from the stream's beginning. As text it is
// `<stream id>_<position>`, both 16 lower-case hex digits, so that text order is stream order: ids
// only grow, and a fork's id is above its source's. Stream id 0 with position 0 is every stream's
// beginning.
struct Offset {
  static constexpr size_t kTextSize = 33;

  uint64_t stream_id = 0;
  uint64_t position = 0;

  std::string ToString() const;
  // Writes the kTextSize characters of ToString to `out`.
  void WriteTo(char* out) const;
  // Accepts exactly what ToString gives; nothing else is an offset.
  static std::optional<Offset> Parse(std::string_view text);

  friend auto operator<=>(const Offset&, const Offset&) = default;
};

}  // namespace ds

#endif  // STORAGE_API_OFFSET_H_

#ifndef STORAGE_API_OFFSET_H_
#define STORAGE_API_OFFSET_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ds {

// A place in a stream as clients hold it (protocol section 8): the incarnation of the stream whose
// data ends there, and the position in bytes from the stream's beginning. An incarnation is a time
// during which a stream's bytes only grew. A stream has a new one when it is made, and when it goes
// on after its end may have been lost (docs/storage-format.md, "Incarnations").
//
// As text it is `<incarnation>_<twice the position>`, both 16 decimal digits, so that text order is
// stream order: incarnations only grow, and a fork's is above its source's. Incarnation 0 with
// position 0 is every stream's beginning.
struct Offset {
  static constexpr size_t kTextSize = 33;
  // Ids below it were given out by format 3 and older, whose offsets were hexadecimal. As text they
  // are moved up by as much, so that no number means one incarnation in decimal and another in
  // hexadecimal digits.
  static constexpr uint64_t kOldIds = 1'000'000'000'000;
  // The first incarnation of today's form. 10^16 would be the first without a text.
  static constexpr uint64_t kFirstIncarnation = 2 * kOldIds;

  uint64_t incarnation = 0;
  uint64_t position = 0;  // below 5e15, some 4 PiB, as far as the text goes

  std::string ToString() const;
  // Writes the kTextSize characters of ToString to `out`.
  void WriteTo(char* out) const;
  // Accepts what ToString gives; the same plus one, which clients that compute with offsets make of
  // it, and which means the same place; and what older versions gave, `<id>_<position>` in
  // hexadecimal. Nothing else is an offset.
  static std::optional<Offset> Parse(std::string_view text);

  friend auto operator<=>(const Offset&, const Offset&) = default;
};

}  // namespace ds

#endif  // STORAGE_API_OFFSET_H_

#ifndef BASE_BOUNDED_JSON_H_
#define BASE_BOUNDED_JSON_H_

#include <cstddef>
#include <string_view>

#include "nlohmann/json.hpp"

namespace ds {

// How much a JSON text from outside may make this process build: a tree of values takes up to 80
// times the bytes of its text.
struct JsonBounds {
  size_t max_bytes = 1 << 20;
  size_t max_depth = 16;       // of arrays and objects in each other
  size_t max_values = 10'000;  // members, items, and what holds them
};

// Whether a text keeps the bounds; one pass, which allocates nothing. Says nothing about whether it
// is JSON.
bool KeepsJsonBounds(std::string_view text, const JsonBounds& bounds);

// The value of a text that keeps the bounds; discarded (is_discarded()) when it does not, or is no
// JSON. Of members with the same name the last counts. Every JSON text that comes from outside and
// becomes a tree goes through here; bodies of streams do not become one.
nlohmann::json ParseBoundedJson(std::string_view text, const JsonBounds& bounds);

}  // namespace ds

#endif  // BASE_BOUNDED_JSON_H_

#include "gateway/handlers/field_rules.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

using Header = http::Request::Header;

enum class Kind { kOther, kSingle, kContentEncoding, kCondition, kSingleCondition };

bool StartsWithIgnoringCase(std::string_view text, std::string_view prefix) {
  return http::EqualsIgnoringCase(text.substr(0, prefix.size()), prefix);
}

// The first letter tells most names apart, and nearly all headers are none of these.
Kind KindOf(std::string_view name) {
  const auto is = [name](std::string_view other) { return http::EqualsIgnoringCase(name, other); };
  if (name.empty()) return Kind::kOther;
  switch (name[0] | 0x20) {
    case 'a':
      return is("authorization") ? Kind::kSingle : Kind::kOther;
    case 'c':
      if (is("content-type")) return Kind::kSingle;
      return is("content-encoding") ? Kind::kContentEncoding : Kind::kOther;
    case 'i':
      if (is("if-match") || is("if-none-match")) return Kind::kCondition;
      if (is("if-unmodified-since")) return Kind::kSingleCondition;
      return is("if-modified-since") ? Kind::kSingle : Kind::kOther;
    case 'l':
      return is("last-event-id") ? Kind::kSingle : Kind::kOther;
    case 'o':
      return is("origin") ? Kind::kSingle : Kind::kOther;
    case 'p':
      return StartsWithIgnoringCase(name, "producer-") ? Kind::kSingle : Kind::kOther;
    case 's':
      return StartsWithIgnoringCase(name, "stream-") ? Kind::kSingle : Kind::kOther;
    default:
      return Kind::kOther;
  }
}

std::string LowerCase(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return lower;
}

}  // namespace

FieldCheck CheckFields(const http::Request& request) {
  FieldCheck check;
  absl::InlinedVector<Header, 16> seen;
  for (size_t i = 0; i < request.header_count(); ++i) {
    const Header header = request.header(i);
    const Kind kind = KindOf(header.name);
    if (kind == Kind::kOther) continue;
    check.has_content_encoding |= kind == Kind::kContentEncoding;
    check.has_condition |= kind == Kind::kCondition || kind == Kind::kSingleCondition;
    if (kind != Kind::kSingle && kind != Kind::kSingleCondition) continue;
    for (const Header& earlier : seen) {
      if (header.value == earlier.value || !http::EqualsIgnoringCase(header.name, earlier.name)) {
        continue;
      }
      check.status =
          MakeError(ErrorCode::kInvalidHeader,
                    LowerCase(header.name) + " stands several times with different values");
      return check;
    }
    seen.push_back(header);
  }
  return check;
}

}  // namespace ds

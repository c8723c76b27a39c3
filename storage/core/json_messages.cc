#include "storage/core/json_messages.h"

#include <cstring>

#include "simdjson.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

// One pass over the text, without building a document. Every method leaves `at_` behind what it
// read, or at the first byte that does not fit, and then returns false.
class Scanner {
 public:
  Scanner(const char* begin, const char* end) : begin_(begin), at_(begin), end_(end) {}

  const char* at() const { return at_; }
  size_t position() const { return static_cast<size_t>(at_ - begin_); }
  bool too_deep() const { return too_deep_; }
  bool AtEnd() const { return at_ == end_; }

  void SkipSpace() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }

  bool Take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  bool Peek(char c) const { return at_ != end_ && *at_ == c; }

  bool Value(int depth) {
    if (at_ == end_) return false;
    switch (*at_) {
      case '{':
        return Object(depth);
      case '[':
        return Array(depth);
      case '"':
        return String();
      case 't':
        return Word("true", 4);
      case 'f':
        return Word("false", 5);
      case 'n':
        return Word("null", 4);
      default:
        return Number();
    }
  }

 private:
  bool Object(int depth) {
    if (!Enter(depth)) return false;
    SkipSpace();
    if (Take('}')) return true;
    while (true) {
      SkipSpace();
      if (!Peek('"') || !String()) return false;
      SkipSpace();
      if (!Take(':')) return false;
      SkipSpace();
      if (!Value(depth + 1)) return false;
      SkipSpace();
      if (Take('}')) return true;
      if (!Take(',')) return false;
    }
  }

  bool Array(int depth) {
    if (!Enter(depth)) return false;
    SkipSpace();
    if (Take(']')) return true;
    while (true) {
      SkipSpace();
      if (!Value(depth + 1)) return false;
      SkipSpace();
      if (Take(']')) return true;
      if (!Take(',')) return false;
    }
  }

  bool Enter(int depth) {
    if (depth > kMaxJsonDepth) {
      too_deep_ = true;
      return false;
    }
    ++at_;
    return true;
  }

  bool String() {
    ++at_;
    while (at_ != end_) {
      const auto c = static_cast<unsigned char>(*at_);
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c < 0x20) return false;
      ++at_;
      if (c == '\\' && !Escape()) return false;
    }
    return false;
  }

  bool Escape() {
    if (at_ == end_) return false;
    if (*at_ != 'u') {
      if (std::strchr("\"\\/bfnrt", *at_) == nullptr || *at_ == '\0') return false;
      ++at_;
      return true;
    }
    ++at_;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (at_ == end_) return false;
      const char c = *at_;
      if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) {
        return false;
      }
    }
    return true;
  }

  bool Word(const char* word, size_t size) {
    if (static_cast<size_t>(end_ - at_) < size || std::memcmp(at_, word, size) != 0) return false;
    at_ += size;
    return true;
  }

  bool Digits() {
    const char* const first = at_;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ != first;
  }

  bool Number() {
    Take('-');
    if (!Take('0') && !Digits()) return false;
    if (Take('.') && !Digits()) return false;
    if (Peek('e') || Peek('E')) {
      ++at_;
      if (!Take('+')) Take('-');
      return Digits();
    }
    return true;
  }

  const char* const begin_;
  const char* at_;
  const char* const end_;
  bool too_deep_ = false;
};

absl::Status Refuse(const Scanner& scanner) {
  if (scanner.too_deep()) {
    return MakeError(ErrorCode::kInvalidJson,
                     "nested deeper than " + std::to_string(kMaxJsonDepth) + " levels");
  }
  return MakeError(ErrorCode::kInvalidJson,
                   "not valid JSON at byte " + std::to_string(scanner.position()));
}

}  // namespace

absl::Status SplitJsonMessages(std::string& body, std::vector<uint32_t>& sizes) {
  sizes.clear();
  if (!simdjson::validate_utf8(body.data(), body.size())) {
    return MakeError(ErrorCode::kInvalidJson, "not valid UTF-8");
  }
  Scanner scanner(body.data(), body.data() + body.size());
  char* out = body.data();  // messages move down to here; never ahead of the scanner
  const auto keep = [&](const char* from) {
    const size_t size = static_cast<size_t>(scanner.at() - from);
    if (out != from) std::memmove(out, from, size);
    out += size;
    sizes.push_back(static_cast<uint32_t>(size));
  };
  scanner.SkipSpace();
  if (scanner.Take('[')) {
    scanner.SkipSpace();
    if (!scanner.Take(']')) {
      while (true) {
        scanner.SkipSpace();
        const char* const from = scanner.at();
        if (!scanner.Value(2)) return Refuse(scanner);
        keep(from);
        scanner.SkipSpace();
        if (scanner.Take(']')) break;
        if (!scanner.Take(',')) return Refuse(scanner);
      }
    }
  } else {
    const char* const from = scanner.at();
    if (!scanner.Value(1)) return Refuse(scanner);
    keep(from);
  }
  scanner.SkipSpace();
  if (!scanner.AtEnd()) return Refuse(scanner);
  body.resize(static_cast<size_t>(out - body.data()));
  return absl::OkStatus();
}

}  // namespace ds

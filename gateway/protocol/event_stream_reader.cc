#include "gateway/protocol/event_stream_reader.h"

#include <algorithm>

namespace ds {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// The state of the decoder within a character.
struct Decoder {
  int needed = 0;
  unsigned char lower = 0x80;
  unsigned char upper = 0xbf;
  std::string seen;

  // Begins a character; false when `byte` cannot.
  bool Begin(unsigned char byte) {
    if (byte >= 0xc2 && byte <= 0xdf) {
      needed = 1;
    } else if (byte >= 0xe0 && byte <= 0xef) {
      if (byte == 0xe0) lower = 0xa0;
      if (byte == 0xed) upper = 0x9f;
      needed = 2;
    } else if (byte >= 0xf0 && byte <= 0xf4) {
      if (byte == 0xf0) lower = 0x90;
      if (byte == 0xf4) upper = 0x8f;
      needed = 3;
    } else {
      return false;
    }
    seen = static_cast<char>(byte);
    return true;
  }
};

// Dispatches what the fields so far have made.
class Parser {
 public:
  void Line(std::string_view line) {
    if (line.empty()) return Dispatch();
    const size_t colon = line.find(':');
    if (colon == 0) return;
    std::string_view value = colon == line.npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    Field(line.substr(0, colon), value);
  }
  ReadEvents Take() { return std::move(result_); }

 private:
  void Field(std::string_view name, std::string_view value) {
    if (name == "event") {
      type_ = value;
    } else if (name == "data") {
      data_.append(value).push_back('\n');
    } else if (name == "id") {
      if (value.find('\0') == value.npos) id_ = value;
    } else if (name == "retry") {
      const bool digits =
          std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (digits && !value.empty()) result_.retry_ms = std::stoull(std::string(value));
    }
  }

  void Dispatch() {
    result_.last_event_id = id_;
    if (!data_.empty()) {
      data_.pop_back();
      result_.events.push_back({type_.empty() ? "message" : type_, data_, id_});
    }
    data_.clear();
    type_.clear();
  }

  std::string type_;
  std::string data_;
  std::string id_;
  ReadEvents result_;
};

}  // namespace

std::string DecodeUtf8(std::string_view bytes) {
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  std::string out;
  Decoder decoder;
  for (size_t i = 0; i < bytes.size();) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (decoder.needed == 0) {
      if (byte < 0x80) {
        out.push_back(bytes[i]);
      } else if (!decoder.Begin(byte)) {
        out.append(kReplacement);
      }
      ++i;
      continue;
    }
    if (byte < decoder.lower || byte > decoder.upper) {
      // The byte is looked at again, as the first of a character.
      decoder = {};
      out.append(kReplacement);
      continue;
    }
    decoder.lower = 0x80;
    decoder.upper = 0xbf;
    decoder.seen.push_back(bytes[i++]);
    if (--decoder.needed > 0) continue;
    out.append(decoder.seen);
    decoder = {};
  }
  if (decoder.needed > 0) out.append(kReplacement);
  return out;
}

ReadEvents ReadEventStream(std::string_view bytes) {
  const std::string text = DecodeUtf8(bytes);
  Parser parser;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = text.find_first_of("\r\n", begin);
    if (end == text.npos) break;  // an unfinished line is dropped
    parser.Line(std::string_view(text).substr(begin, end - begin));
    const bool crlf = text[end] == '\r' && end + 1 < text.size() && text[end + 1] == '\n';
    begin = end + (crlf ? 2 : 1);
  }
  return parser.Take();
}

}  // namespace ds

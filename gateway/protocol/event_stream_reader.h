#ifndef GATEWAY_PROTOCOL_EVENT_STREAM_READER_H_
#define GATEWAY_PROTOCOL_EVENT_STREAM_READER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// A reader of event streams for tests, to the letter of the WHATWG standards: HTML section 9.2.6
// and the UTF-8 decoder of Encoding section 8.1.1. It knows nothing of what writes them.

namespace ds {

struct ReadEvent {
  std::string type;  // "message" when the stream does not say
  std::string data;
  std::string last_event_id;

  friend bool operator==(const ReadEvent&, const ReadEvent&) = default;
};

struct ReadEvents {
  std::vector<ReadEvent> events;  // those that were dispatched
  std::string last_event_id;      // what a reconnect would send
  std::optional<uint64_t> retry_ms;
};

// What the standard calls "UTF-8 decode", as UTF-8: a byte order mark at the beginning is dropped,
// what is not UTF-8 is replaced by U+FFFD.
std::string DecodeUtf8(std::string_view bytes);

// Reads a whole response.
ReadEvents ReadEventStream(std::string_view bytes);

}  // namespace ds

#endif  // GATEWAY_PROTOCOL_EVENT_STREAM_READER_H_

#ifndef GATEWAY_PROTOCOL_SSE_H_
#define GATEWAY_PROTOCOL_SSE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/api/offset.h"

// What stands in a response of server-sent events (section 5.8). How clients read it is settled by
// the WHATWG HTML standard, section 9.2. Pure functions.

namespace ds {

// What the data lines of an event make of a piece of text. Their reader takes CR, LF and CRLF for
// line ends and gives LF back, and replaces what is not UTF-8.
enum class SseFit : uint8_t {
  kExact,     // every byte comes out again
  kLineEnds,  // every CRLF comes out as LF, the rest as it is
  kDamaged,   // other bytes come out
};

// How a response carries its data. The first three write it as lines and say which pieces they
// carry: an SseFit of at most the same number. The order of both enumerations is part of that.
enum class SseForm : uint8_t {
  kExact,     // lines, and only what they carry byte for byte
  kLineEnds,  // lines; CRLF may become LF
  kAny,       // lines, whatever becomes of the data
  kBase64,
};

constexpr bool Carries(SseForm form, SseFit fit) {
  return static_cast<uint8_t>(fit) <= static_cast<uint8_t>(form);
}

// Whether the text of `content_type` is UTF-8, as far as that says: no charset is named, or UTF-8
// or US-ASCII.
bool IsUtf8(std::string_view content_type);

// What lines make of `data`. JSON is always exact: what lines change of it are line ends between
// tokens.
SseFit FitOf(std::string_view content_type, std::string_view data);

// How a response begins. `retry_ms` is how long an EventSource waits before it reconnects. That
// the data is base64 is said in the response's headers and here, in an event `encoding`, since an
// EventSource shows its page no headers.
std::string SseOpening(SseForm form, uint32_t retry_ms);

// Appends a `data` event. `next` is where the data ends; it becomes the event's id, which an
// EventSource sends back when it reconnects. `data` must not be empty. Whatever it is, nothing in
// it ends the event or begins another.
void AppendSseData(SseForm form, std::string_view content_type, std::string_view data,
                   const std::vector<uint32_t>& message_sizes, const Offset& next,
                   std::string& out);

struct SseControl {
  Offset next;
  std::optional<uint64_t> cursor;  // left out of the final one
  bool up_to_date = false;
  bool closed = false;
};
// Appends a `control` event. One that follows no data, but begins a response, has the id itself.
void AppendSseControl(const SseControl& control, bool with_id, std::string& out);

}  // namespace ds

#endif  // GATEWAY_PROTOCOL_SSE_H_

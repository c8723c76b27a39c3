#ifndef GATEWAY_PROTOCOL_SSE_QUERY_H_
#define GATEWAY_PROTOCOL_SSE_QUERY_H_

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gateway/protocol/fields.h"
#include "gateway/protocol/sse.h"
#include "gateway/protocol/target.h"

// What a request for server-sent events says beside its ReadQuery. Pure functions.

namespace ds {

// How the client wants text: what the parameter `encoding` says (kAny for `text`, kBase64 for
// `base64`), or as exact as lines are. A bare request for everything, which neither continues a
// read nor names text/event-stream in `accept`, takes CRLF for line ends: it comes from somebody
// who looks at the lines as they are. Errors: kInvalidQuery.
absl::StatusOr<SseForm> WantedForm(const Target& target, const ReadQuery& query, Field accept);

// An EventSource that reconnects asks with the URL that it began with, and says in the header
// Last-Event-ID where it has got to: `query` is moved there. Returns whether it did; an empty
// header counts as none. Errors: kInvalidOffset.
absl::StatusOr<bool> ApplyLastEventId(Field last_event_id, ReadQuery& query);

// How a response carries text that begins with `data`, for a client that wants `wanted` from a
// stream that is known to have text of `worst`: as wanted if that carries it, else base64.
// Whatever is wanted, what is neither text nor JSON is base64.
SseForm ResponseForm(SseForm wanted, std::string_view content_type, std::string_view data,
                     SseFit worst);

}  // namespace ds

#endif  // GATEWAY_PROTOCOL_SSE_QUERY_H_

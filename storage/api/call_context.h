#ifndef STORAGE_API_CALL_CONTEXT_H_
#define STORAGE_API_CALL_CONTEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace ds {

// Of which trace a call is a part, as W3C Trace Context (level 1) has it.
struct TraceContext {
  static constexpr size_t kTextSize = 55;

  uint64_t trace_high = 0;  // the trace id's two halves
  uint64_t trace_low = 0;
  uint64_t span = 0;  // the caller's
  uint8_t flags = 0;  // 1: sampled

  // Whether there is one: ids of zeros only are none.
  bool valid() const { return (trace_high != 0 || trace_low != 0) && span != 0; }
  std::string trace_id() const;  // 32 hex digits
  std::string ToTraceparent() const;

  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

// The header traceparent; nullopt when it is not valid, which is then to be ignored.
std::optional<TraceContext> ParseTraceparent(std::string_view text);
// A trace of our own, not sampled, and a span in the given trace.
TraceContext NewTrace();
TraceContext NewSpan(const TraceContext& parent);

// What goes along with a call, across processes too.
struct CallContext {
  TraceContext trace;
  // When the caller stops waiting. A call that has not begun by then is refused
  // (kDeadlineExceeded); one that writes and is under way answers kWriteUncertain, and is finished.
  SteadyTime deadline = kNoDeadline;

  static constexpr SteadyTime kNoDeadline = SteadyTime::max();
  bool has_deadline() const { return deadline != kNoDeadline; }
};

}  // namespace ds

#endif  // STORAGE_API_CALL_CONTEXT_H_

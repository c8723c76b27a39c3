#ifndef GATEWAY_HANDLERS_FIELD_RULES_H_
#define GATEWAY_HANDLERS_FIELD_RULES_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "gateway/http/message.h"

namespace ds {

// What one pass over a request's header lines finds out, whatever the method.
struct FieldCheck {
  // kInvalidHeader when a field that has one value stands on several lines with different ones; the
  // same value twice leaves no doubt about what is meant.
  absl::Status status;
  // Few requests have these fields, so nobody need look for them in all others.
  bool has_content_encoding = false;
  bool has_condition = false;  // of a write: If-Match, If-None-Match, If-Unmodified-Since
};

// The fields of one value are the protocol's own (Stream-*, Producer-*) and those of HTTP's that
// change what a request does here. Content-Length and Host are the HTTP parsers' to judge.
FieldCheck CheckFields(const http::Request& request);

}  // namespace ds

#endif  // GATEWAY_HANDLERS_FIELD_RULES_H_

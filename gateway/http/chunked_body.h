#ifndef GATEWAY_HTTP_CHUNKED_BODY_H_
#define GATEWAY_HTTP_CHUNKED_BODY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "gateway/http/limits.h"

namespace ds::http {

// Takes the chunked transfer coding (RFC 9112 section 7.1) off one body, however that arrives: each
// byte is looked at once, so where it is cut makes no difference. Only what the grammar has is
// taken: no bare LF, in quoted strings neither; no folded lines; no whitespace but around the parts
// of an extension.
//
// Extensions and trailer fields are checked and dropped. Nothing in them can become a header field:
// they are never kept.
class ChunkedBody {
 public:
  // `limits` must outlive the object. Chunk extensions and trailers are held to `max_head` bytes
  // each, trailers also to `max_headers` fields.
  explicit ChunkedBody(const Limits& limits) : limits_(limits) {}

  // Appends the payload in `bytes` to `body` and returns how many bytes belong to the coding: all,
  // unless it ended. Errors: kBadRequest, kPayloadTooLarge when the payload exceeds `max_body`,
  // kHeadersTooLarge for trailers. REQUIRES: not done(), no error before.
  absl::StatusOr<size_t> Decode(std::string_view bytes, std::string& body);
  bool done() const { return state_ == State::kDone; }

 private:
  enum class State {
    kSize,
    kExtensionEnd,  // after whitespace: another extension must follow
    kNameBegin,     // of an extension, as up to kQuotedEnd
    kName,
    kNameEnd,
    kValueBegin,
    kToken,
    kQuoted,
    kQuotedPair,
    kQuotedEnd,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerBegin,
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kEndLf,
    kDone,
  };

  // Each takes one byte, and fails when that must not stand where it does.
  absl::Status Step(char c);
  absl::Status StepSize(char c);
  absl::Status StepExtension(char c);
  absl::Status StepTrailer(char c);
  absl::Status Expect(char c, char expected, State next);
  absl::Status EndSize();

  const Limits& limits_;
  State state_ = State::kSize;
  size_t size_digits_ = 0;
  uint64_t size_left_ = 0;   // of the chunk
  uint64_t body_bytes_ = 0;  // announced by the chunks so far
  size_t extension_bytes_ = 0;
  size_t trailer_bytes_ = 0;
  size_t trailers_ = 0;
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_CHUNKED_BODY_H_

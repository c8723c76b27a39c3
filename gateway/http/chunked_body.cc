#include "gateway/http/chunked_body.h"

#include <algorithm>

#include "gateway/http/characters.h"
#include "storage/api/errors.h"

namespace ds::http {
namespace {

// 64 bits in hexadecimal.
constexpr size_t kMaxSizeDigits = 16;

absl::Status Bad(std::string_view why) { return MakeError(ErrorCode::kBadRequest, why); }
absl::Status BadChunk() { return Bad("malformed chunk"); }

}  // namespace

absl::StatusOr<size_t> ChunkedBody::Decode(std::string_view bytes, std::string& body) {
  size_t at = 0;
  while (at < bytes.size() && state_ != State::kDone) {
    if (state_ == State::kData) {
      const size_t take = std::min<uint64_t>(size_left_, bytes.size() - at);
      body.append(bytes.substr(at, take));
      at += take;
      size_left_ -= take;
      if (size_left_ == 0) state_ = State::kDataCr;
      continue;
    }
    const absl::Status stepped = Step(bytes[at++]);
    if (!stepped.ok()) return stepped;
  }
  return at;
}

absl::Status ChunkedBody::Step(char c) {
  switch (state_) {
    case State::kSize:
      return StepSize(c);
    case State::kSizeLf:
      return c == '\n' ? EndSize() : BadChunk();
    case State::kDataCr:
      return Expect(c, '\r', State::kDataLf);
    case State::kDataLf:
      size_digits_ = 0;
      return Expect(c, '\n', State::kSize);
    case State::kTrailerLf:
      return Expect(c, '\n', State::kTrailerBegin);
    case State::kEndLf:
      return Expect(c, '\n', State::kDone);
    case State::kTrailerBegin:
    case State::kTrailerName:
    case State::kTrailerValue:
      return StepTrailer(c);
    default:
      return StepExtension(c);
  }
}

absl::Status ChunkedBody::Expect(char c, char expected, State next) {
  if (c != expected) return BadChunk();
  state_ = next;
  return absl::OkStatus();
}

absl::Status ChunkedBody::StepSize(char c) {
  const int digit = HexDigit(c);
  if (digit >= 0) {
    if (++size_digits_ > kMaxSizeDigits) return BadChunk();
    size_left_ = size_left_ << 4 | static_cast<uint64_t>(digit);
    return absl::OkStatus();
  }
  if (size_digits_ == 0) return BadChunk();
  return c == '\r' ? Expect(c, '\r', State::kSizeLf) : StepExtension(c);
}

// chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )
absl::Status ChunkedBody::StepExtension(char c) {
  if (++extension_bytes_ > limits_.max_head) return Bad("too many chunk extensions");
  const bool blank = c == ' ' || c == '\t';
  switch (state_) {
    case State::kNameBegin:
    case State::kValueBegin:
      if (blank) return absl::OkStatus();
      if (IsTokenCharacter(c)) {
        state_ = state_ == State::kNameBegin ? State::kName : State::kToken;
        return absl::OkStatus();
      }
      return state_ == State::kValueBegin ? Expect(c, '"', State::kQuoted) : BadChunk();
    case State::kQuoted:
      if (c == '"') {
        state_ = State::kQuotedEnd;
      } else if (c == '\\') {
        state_ = State::kQuotedPair;
      } else if (!IsFieldCharacter(c)) {
        return BadChunk();
      }
      return absl::OkStatus();
    case State::kQuotedPair:
      if (!IsFieldCharacter(c)) return BadChunk();
      state_ = State::kQuoted;
      return absl::OkStatus();
    case State::kName:
    case State::kToken:
      if (IsTokenCharacter(c)) return absl::OkStatus();
      break;
    default:
      break;
  }
  // A part is over.
  const bool after_name = state_ == State::kName || state_ == State::kNameEnd;
  const bool after_blank = state_ == State::kNameEnd || state_ == State::kExtensionEnd;
  if (blank) {
    state_ = after_name ? State::kNameEnd : State::kExtensionEnd;
  } else if (c == ';') {
    state_ = State::kNameBegin;
  } else if (c == '=' && after_name) {
    state_ = State::kValueBegin;
  } else if (c == '\r' && !after_blank) {
    state_ = State::kSizeLf;
  } else {
    return BadChunk();
  }
  return absl::OkStatus();
}

absl::Status ChunkedBody::EndSize() {
  if (size_left_ == 0) {
    state_ = State::kTrailerBegin;
    return absl::OkStatus();
  }
  if (size_left_ > limits_.max_body - body_bytes_) return MakeError(ErrorCode::kPayloadTooLarge);
  body_bytes_ += size_left_;
  state_ = State::kData;
  return absl::OkStatus();
}

// A line of the trailer section: name ":" value, without what would fold it into the one before.
absl::Status ChunkedBody::StepTrailer(char c) {
  if (state_ == State::kTrailerBegin && c == '\r') {
    state_ = State::kEndLf;
    return absl::OkStatus();
  }
  if (++trailer_bytes_ > limits_.max_head) {
    return MakeError(ErrorCode::kHeadersTooLarge, "the trailers are too large");
  }
  if (state_ == State::kTrailerValue) {
    if (c == '\r') {
      state_ = State::kTrailerLf;
    } else if (!IsFieldCharacter(c)) {
      return Bad("malformed trailer");
    }
    return absl::OkStatus();
  }
  if (c == ':' && state_ == State::kTrailerName) {
    state_ = State::kTrailerValue;
    return absl::OkStatus();
  }
  if (!IsTokenCharacter(c)) return Bad("malformed trailer");
  if (state_ == State::kTrailerBegin && ++trailers_ > limits_.max_headers) {
    return MakeError(ErrorCode::kHeadersTooLarge, "too many trailers");
  }
  state_ = State::kTrailerName;
  return absl::OkStatus();
}

}  // namespace ds::http

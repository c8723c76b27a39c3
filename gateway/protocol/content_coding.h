#ifndef GATEWAY_PROTOCOL_CONTENT_CODING_H_
#define GATEWAY_PROTOCOL_CONTENT_CODING_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "zlib.h"

// Content codings of request bodies (RFC 9110 section 8.4).

namespace ds {

enum class ContentCoding { kIdentity, kGzip, kDeflate };

// Those that ParseContentEncoding takes, as Accept-Encoding of a 415 names them; identity goes
// without saying.
inline constexpr char kAcceptedCodings[] = "gzip, deflate";

// The coding that a Content-Encoding list names: one, beside any number of `identity`. Names are
// compared without letter case, and x-gzip is gzip (section 8.4.1). Error: kUnsupportedEncoding for
// any other coding, and for several, which nobody uses but to hide what is inside.
absl::StatusOr<ContentCoding> ParseContentEncoding(std::string_view list);

// Decodes one body step by step, so that a thread with many clients can turn to others in between.
// It never holds more than `max_size` decoded bytes and a step's, beside zlib's window of 32 KiB.
// Belongs to one thread.
class BodyDecoder {
 public:
  // What one step decodes at most, and of how much.
  static constexpr size_t kStepBytes = 256 << 10;

  // `encoded` must outlive the object. REQUIRES: `coding` is not kIdentity.
  BodyDecoder(ContentCoding coding, std::string_view encoded, uint64_t max_size);
  BodyDecoder(const BodyDecoder&) = delete;
  ~BodyDecoder();

  // Decodes on. Errors: kBadRequest for what is not encoded so, breaks off or has something behind
  // its end; kPayloadTooLarge beyond `max_size`. REQUIRES: neither done() nor failed before.
  absl::Status Step();
  bool done() const { return done_; }

  uint64_t decoded_size() const { return decoded_size_; }
  // The whole. REQUIRES: done(); once.
  std::string TakeDecoded();

 private:
  // Lets zlib fill `room` bytes at `out`, or as many as there are; `filled` tells how many.
  absl::Status Fill(char* out, size_t room, size_t& filled);

  const bool gzip_;
  std::string_view rest_;  // of the encoded bytes that zlib has not been given
  const uint64_t max_size_;
  z_stream stream_{};
  bool ready_;
  bool done_ = false;
  // In pieces, since a growing string would hold everything twice.
  std::vector<std::string> pieces_;
  size_t next_piece_bytes_;
  uint64_t decoded_size_ = 0;
};

}  // namespace ds

#endif  // GATEWAY_PROTOCOL_CONTENT_CODING_H_

#ifndef GATEWAY_PROTOCOL_FIELDS_H_
#define GATEWAY_PROTOCOL_FIELDS_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gateway/protocol/target.h"
#include "storage/api/types.h"

// Reads the protocol's headers and query parameters. Pure functions; errors are kInvalidHeader and
// kInvalidQuery unless said otherwise.

namespace ds {

// A header's value, or nothing when it was not sent.
using Field = std::optional<std::string_view>;

// Section 4.1: `true` in any letter case; everything else counts as absent.
bool IsStreamClosed(Field value);

// Section 5.1: a decimal number without sign or leading zeros.
absl::StatusOr<uint64_t> ParseTtl(std::string_view value);

// Section 5.1: at most one of the two headers.
absl::StatusOr<Lifetime> ParseLifetime(Field ttl, Field expires_at);

// What CheckRequest says of a request that was made of headers: kBadRequest becomes kInvalidHeader.
absl::Status AsHeaderError(const absl::Status& status);

// Section 5.2.1: all three headers or none.
absl::StatusOr<std::optional<ProducerTag>> ParseProducer(Field id, Field epoch, Field seq);

// Section 4.2; `root` is the server's stream root. Errors also: kInvalidOffset, kSourceNotFound.
absl::StatusOr<std::optional<ForkPoint>> ParseFork(Field source, Field offset, Field sub_offset,
                                                   std::string_view root);

// The query of a read (sections 5.6 to 5.8). Unknown parameters are ignored.
struct ReadQuery {
  enum class Live { kNone, kLongPoll, kSse };

  ReadRequest::From from = ReadRequest::From::kBeginning;
  Offset offset;
  std::string offset_text;  // as sent; "-1" when it was not
  Live live = Live::kNone;
  std::optional<uint64_t> cursor;
};
// Errors: kInvalidOffset, kInvalidQuery.
absl::StatusOr<ReadQuery> ParseReadQuery(const Target& target);

}  // namespace ds

#endif  // GATEWAY_PROTOCOL_FIELDS_H_

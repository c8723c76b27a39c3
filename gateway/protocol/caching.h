#ifndef GATEWAY_PROTOCOL_CACHING_H_
#define GATEWAY_PROTOCOL_CACHING_H_

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "gateway/protocol/fields.h"
#include "storage/api/types.h"

// What Cache-Control says of answers to reads; docs/caching.md tells users. Pure functions.

namespace ds {

struct CacheOptions {
  enum class Policy {
    kRevalidate,  // nothing is reused unasked but what can never change
    kProtocol,    // the values that section 10.1 recommends
  };
  Policy policy = Policy::kRevalidate;
  // Of what can never change; zero: that is revalidated, too.
  absl::Duration max_age = absl::Hours(24 * 365);
};

// How long the answer to a URL stays the right one.
enum class Permanence {
  // For ever: the URL names a place in one incarnation of the stream, and what was cut off there
  // lies below its tail, or the stream is closed.
  kFixed,
  // The bytes are right for ever, but there may be more the next time: the answer to a long-poll
  // whose URL names such a place. All who wait at it may share one answer.
  kShared,
  // Until something is appended, or the stream is deleted and another made in its place.
  kChanging,
  // Not even now: the URL asks for what comes after the request.
  kMomentary,
};

Permanence PermanenceOf(const ReadQuery& query, const ReadResult& read);

// What is left of a stream's life when nobody uses it from `now` on, in whole seconds; nothing
// where it does not end by itself.
std::optional<absl::Duration> LifeLeft(const Lifetime& lifetime, absl::Time now);

// The value of Cache-Control. No cache is told to keep anything longer than the stream lives.
// `has_content`: the answer is no 204. `is_private`: it is for one client only.
std::string CacheControl(const CacheOptions& options, Permanence permanence, bool has_content,
                         bool is_private, std::optional<absl::Duration> life_left);

}  // namespace ds

#endif  // GATEWAY_PROTOCOL_CACHING_H_

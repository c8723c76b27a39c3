#ifndef STORAGE_CORE_REQUEST_CHECKS_H_
#define STORAGE_CORE_REQUEST_CHECKS_H_

#include <cstddef>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/api/subscriptions.h"
#include "storage/api/types.h"

// What a request for a store may hold. Both edges, HTTP and gRPC, ask here before the store is
// called, so that nothing is stored by the one that the other would not take, or could not give
// out: what comes from clients and is written into headers later has no control characters. Pure
// functions; errors are kBadRequest unless said otherwise.

namespace ds {

inline constexpr uint64_t kMaxSafeInteger = (uint64_t{1} << 53) - 1;
inline constexpr size_t kMaxProducerIdBytes = 1024;
inline constexpr size_t kMaxStreamSeqBytes = 1024;
inline constexpr size_t kMaxWorkerBytes = 1024;
// Of the path of a stream that is created: each is held against the patterns of subscriptions.
inline constexpr size_t kMaxPathSegments = 128;

// Depth of the path, media type, lifetime. Errors also: kInvalidPath.
absl::Status CheckRequest(const CreateRequest& request);
// Media type, Stream-Seq, producer.
absl::Status CheckRequest(const AppendRequest& request);
// The subscription's id, the URL that it is reached by, its worker's name; the store judges the
// rest. Errors: kInvalidSubscription.
absl::Status CheckRequest(const SubscriptionCall& call);

// Name and numbers of a producer (section 5.2.1).
absl::Status CheckProducer(const ProducerTag& producer);

// An RFC 3339 timestamp (see ParseRfc3339) of at most 64 bytes.
absl::StatusOr<absl::Time> ParseTimestamp(std::string_view text);

}  // namespace ds

#endif  // STORAGE_CORE_REQUEST_CHECKS_H_

#ifndef STORAGE_RPC_CONVERT_SUBSCRIPTIONS_H_
#define STORAGE_RPC_CONVERT_SUBSCRIPTIONS_H_

#include "absl/status/status.h"
#include "proto/durablestreams/v1/stream_store.pb.h"
#include "storage/api/subscriptions.h"

// Between the values of storage/api/subscriptions.h and the messages of the internal API.

namespace ds::rpc {

durablestreams::v1::SubscriptionsRequest ToProto(const SubscriptionCall& in);
// Errors: kBadRequest for an operation that is not known, and as for other requests (convert.h).
absl::Status FromProto(const durablestreams::v1::SubscriptionsRequest& in, SubscriptionCall& out);

// Without the status, which travels as ErrorDetail.
durablestreams::v1::SubscriptionsResponse ToProto(const SubscriptionAnswer& in);
SubscriptionAnswer FromProto(const durablestreams::v1::SubscriptionsResponse& in);

}  // namespace ds::rpc

#endif  // STORAGE_RPC_CONVERT_SUBSCRIPTIONS_H_

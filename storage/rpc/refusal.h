#ifndef STORAGE_RPC_REFUSAL_H_
#define STORAGE_RPC_REFUSAL_H_

#include "absl/status/status.h"
#include "grpcpp/grpcpp.h"
#include "proto/durablestreams/v1/stream_store.pb.h"

namespace ds::rpc {

// The trailing metadata in which a refused call carries its ErrorDetail.
inline constexpr char kErrorMetadata[] = "durable-streams-error-bin";

// The status to end a refused call with; puts the details into the call's trailing metadata.
grpc::Status Refuse(grpc::ServerContext& context, const durablestreams::v1::ErrorDetail& detail);
// The same for an error that says it all. REQUIRES: !status.ok().
grpc::Status Refuse(grpc::ServerContext& context, const absl::Status& status);

}  // namespace ds::rpc

#endif  // STORAGE_RPC_REFUSAL_H_

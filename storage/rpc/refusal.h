#ifndef STORAGE_RPC_REFUSAL_H_
#define STORAGE_RPC_REFUSAL_H_

#include "absl/status/status.h"
#include "grpcpp/grpcpp.h"
#include "storage/api/types.h"

namespace ds::rpc {

// The trailing metadata in which a refused call carries its ErrorDetail.
inline constexpr char kErrorMetadata[] = "durable-streams-error-bin";

// The status to end a refused call with; puts the details into the call's trailing metadata.
// `append` is the result of a refused append. REQUIRES: !status.ok().
grpc::Status Refuse(grpc::ServerContext& context, const absl::Status& status,
                    const AppendResult* append = nullptr);

}  // namespace ds::rpc

#endif  // STORAGE_RPC_REFUSAL_H_

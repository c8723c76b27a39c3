#include "storage/rpc/refusal.h"

#include <string>

#include "storage/rpc/convert.h"

namespace ds::rpc {

grpc::Status Refuse(grpc::ServerContext& context, const absl::Status& status,
                    const AppendResult* append) {
  pb::ErrorDetail detail = ToErrorDetail(status);
  if (append != nullptr) *detail.mutable_append() = ToProto(*append);
  context.AddTrailingMetadata(kErrorMetadata, detail.SerializeAsString());
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

}  // namespace ds::rpc

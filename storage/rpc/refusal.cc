#include "storage/rpc/refusal.h"

#include <string>

#include "storage/rpc/convert.h"

namespace ds::rpc {

grpc::Status Refuse(grpc::ServerContext& context, const pb::ErrorDetail& detail) {
  context.AddTrailingMetadata(kErrorMetadata, detail.SerializeAsString());
  const absl::Status status = FromErrorDetail(detail);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

grpc::Status Refuse(grpc::ServerContext& context, const absl::Status& status) {
  return Refuse(context, ToErrorDetail(status));
}

}  // namespace ds::rpc

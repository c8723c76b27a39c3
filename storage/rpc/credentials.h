#ifndef STORAGE_RPC_CREDENTIALS_H_
#define STORAGE_RPC_CREDENTIALS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"
#include "storage/rpc/tls_files.h"

namespace ds::rpc {

// Credentials with the certificates in these files, which are read again when they change; without
// files, those of connections in clear. Errors: InvalidArgument when a file cannot be read or the
// certificate has no key.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsFiles& files);
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(
    const TlsFiles& files);

}  // namespace ds::rpc

#endif  // STORAGE_RPC_CREDENTIALS_H_

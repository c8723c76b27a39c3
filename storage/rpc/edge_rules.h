#ifndef STORAGE_RPC_EDGE_RULES_H_
#define STORAGE_RPC_EDGE_RULES_H_

#include <cstdint>

#include "grpcpp/grpcpp.h"
#include "storage/rpc/tokens.h"

namespace ds::rpc {

// What a server asks of every call before it does anything for it. Thread-safe.
struct EdgeRules {
  uint64_t max_body_bytes = 0;     // of one creation or append
  const Tokens* tokens = nullptr;  // nullptr: anybody may call

  // OK, or the status to end the call with.
  grpc::Status Admit(const grpc::ServerContext& context) const {
    return tokens == nullptr ? grpc::Status::OK : tokens->Check(context);
  }
};

}  // namespace ds::rpc

#endif  // STORAGE_RPC_EDGE_RULES_H_

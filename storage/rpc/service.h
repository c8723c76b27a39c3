#ifndef STORAGE_RPC_SERVICE_H_
#define STORAGE_RPC_SERVICE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/api/stream_store.h"
#include "storage/rpc/tls_files.h"
#include "storage/rpc/tokens.h"

namespace ds::rpc {

// Serves a StreamStore over gRPC: the internal API, grpc.health.v1 and reflection. Thread-safe.
class RpcServer {
 public:
  struct Options {
    std::string address;                   // HOST:PORT, port 0 picks one, or unix:PATH
    uint64_t max_message_bytes = 4 << 20;  // of what one call may send
    uint64_t max_body_bytes = 64u << 20;   // of one creation or append
    TlsFiles tls;
    // With which clients have to call, health checks and reflection apart; nullptr: anybody may.
    const Tokens* tokens = nullptr;
  };
  // `store` and the tokens must outlive the server. Errors: Unavailable, InvalidArgument (TLS).
  static absl::StatusOr<std::unique_ptr<RpcServer>> Start(const Options& options,
                                                          StreamStore& store);
  // Stops, if that has not been done.
  virtual ~RpcServer() = default;

  virtual const std::string& address() const = 0;
  // Says NOT_SERVING from now on, and goes on serving: the first step of stopping.
  virtual void Drain() = 0;
  // Says NOT_SERVING, then ends: calls under way get `timeout` to finish.
  virtual void Stop(absl::Duration timeout) = 0;
};

}  // namespace ds::rpc

#endif  // STORAGE_RPC_SERVICE_H_

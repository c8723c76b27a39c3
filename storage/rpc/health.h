#ifndef STORAGE_RPC_HEALTH_H_
#define STORAGE_RPC_HEALTH_H_

#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "proto/grpc/health/v1/health.grpc.pb.h"
#include "storage/rpc/call.h"

namespace ds::rpc {

// grpc.health.v1 for a server whose services have one status together. (gRPC's own implementation
// is of the callback API; see CompletionLoop.) Thread-safe.
class HealthService {
 public:
  // `services` are the full names that clients may ask about, beside the server as a whole.
  explicit HealthService(std::set<std::string> services);

  grpc::Service& service() { return service_; }
  // Has both methods wait for calls on `queue`.
  void Accept(CompletionLoop& loop, grpc::ServerCompletionQueue& queue);

  // At first it is not serving. Watchers are told.
  void SetServing(bool serving);

 private:
  class WatchCall;
  using Status = grpc::health::v1::HealthCheckResponse::ServingStatus;
  using Check =
      UnaryCall<grpc::health::v1::HealthCheckRequest, grpc::health::v1::HealthCheckResponse>;

  Status StatusLocked(const std::string& service) const;

  const std::set<std::string> services_;
  grpc::health::v1::Health::AsyncService service_;
  Check::Method check_;

  std::mutex mutex_;
  // Guarded by mutex_.
  bool serving_ = false;
  std::set<WatchCall*> watchers_;
};

}  // namespace ds::rpc

#endif  // STORAGE_RPC_HEALTH_H_

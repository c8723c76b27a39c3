#ifndef STORAGE_RPC_SESSION_H_
#define STORAGE_RPC_SESSION_H_

#include <map>
#include <memory>
#include <mutex>

#include "proto/durablestreams/v1/stream_store.grpc.pb.h"
#include "storage/api/stream_store.h"
#include "storage/rpc/completion.h"
#include "storage/rpc/edge_rules.h"

namespace ds::rpc {

class SessionState;

// The sessions of one server, so that they can be brought to an end. Thread-safe.
class Sessions {
 public:
  void Add(const std::shared_ptr<SessionState>& session);
  void Remove(const SessionState* session);
  size_t count() const;
  // Asks each gateway, now and those who come, to end its session when its calls are answered.
  void Drain();

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::map<const SessionState*, std::weak_ptr<SessionState>> sessions_;
  bool draining_ = false;
};

// Has the method Session wait for gateways on `queue`; each is served by an object of its own, on
// the queue's thread. Answers that become ready while a message is being written go out together
// with the next one, so the more there is to do the more each message carries. All arguments must
// outlive the loop's calls.
void AcceptSession(durablestreams::v1::StreamStoreService::AsyncService& service,
                   StreamStore& store, const EdgeRules& rules, Sessions& sessions,
                   CompletionLoop& loop, grpc::ServerCompletionQueue& queue);

}  // namespace ds::rpc

#endif  // STORAGE_RPC_SESSION_H_

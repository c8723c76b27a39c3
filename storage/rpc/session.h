#ifndef STORAGE_RPC_SESSION_H_
#define STORAGE_RPC_SESSION_H_

#include "proto/durablestreams/v1/stream_store.grpc.pb.h"
#include "storage/api/stream_store.h"
#include "storage/rpc/completion.h"

namespace ds::rpc {

// Has the method Session wait for gateways on `queue`; each is served by an object of its own, on
// the queue's thread. Answers that become ready while a message is being written go out together
// with the next one, so the more there is to do the more each message carries. All arguments must
// outlive the loop's calls.
void AcceptSession(durablestreams::v1::StreamStoreService::AsyncService& service,
                   StreamStore& store, CompletionLoop& loop, grpc::ServerCompletionQueue& queue);

}  // namespace ds::rpc

#endif  // STORAGE_RPC_SESSION_H_

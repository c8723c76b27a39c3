#ifndef STORAGE_RPC_STREAMING_CALLS_H_
#define STORAGE_RPC_STREAMING_CALLS_H_

#include "proto/durablestreams/v1/stream_store.grpc.pb.h"
#include "storage/api/stream_store.h"
#include "storage/rpc/completion.h"
#include "storage/rpc/edge_rules.h"

namespace ds::rpc {

// Each has the method wait for calls on `queue`: one call after the other is served by an object of
// its own. All arguments must outlive the loop's calls.

// Tail: reads a stream piece by piece, waits at its tail, goes on. One message is under way at a
// time, so the client's flow control is the only buffer.
void AcceptTail(durablestreams::v1::StreamStoreService::AsyncService& service, StreamStore& store,
                const EdgeRules& rules, CompletionLoop& loop, grpc::ServerCompletionQueue& queue);

// Watch: the changes under a pattern. A client that does not keep up with them is sent away with
// RESOURCE_EXHAUSTED.
void AcceptWatch(durablestreams::v1::StreamStoreService::AsyncService& service, StreamStore& store,
                 const EdgeRules& rules, CompletionLoop& loop, grpc::ServerCompletionQueue& queue);

}  // namespace ds::rpc

#endif  // STORAGE_RPC_STREAMING_CALLS_H_

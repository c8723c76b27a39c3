#ifndef STORAGE_RPC_SESSION_H_
#define STORAGE_RPC_SESSION_H_

#include <memory>

#include "grpcpp/grpcpp.h"
#include "proto/durablestreams/v1/stream_store.grpc.pb.h"
#include "storage/api/stream_store.h"

namespace ds::rpc {

// The storage's side of one session: a gateway's requests, multiplexed. Answers that become ready
// while a message is being written go out together with the next one, so the more there is to do
// the more each message carries. The returned reactor frees itself when the session has ended and
// its last request is answered. `store` must outlive it.
grpc::ServerBidiReactor<durablestreams::v1::SessionRequest, durablestreams::v1::SessionResponse>*
StartSession(StreamStore& store);

}  // namespace ds::rpc

#endif  // STORAGE_RPC_SESSION_H_

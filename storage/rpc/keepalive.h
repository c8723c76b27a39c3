#ifndef STORAGE_RPC_KEEPALIVE_H_
#define STORAGE_RPC_KEEPALIVE_H_

namespace ds::rpc {

// How often a gateway makes sure that an idle connection to the storage still works; the storage
// lets it ask that often.
inline constexpr int kKeepaliveMilliseconds = 10'000;

}  // namespace ds::rpc

#endif  // STORAGE_RPC_KEEPALIVE_H_

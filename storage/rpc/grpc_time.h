#ifndef STORAGE_RPC_GRPC_TIME_H_
#define STORAGE_RPC_GRPC_TIME_H_

#include "absl/time/time.h"
#include "grpc/support/time.h"

namespace ds::rpc {

// When `timeout` will be over, by the monotonic clock.
inline gpr_timespec After(absl::Duration timeout) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_micros(absl::ToInt64Microseconds(timeout), GPR_TIMESPAN));
}

}  // namespace ds::rpc

#endif  // STORAGE_RPC_GRPC_TIME_H_

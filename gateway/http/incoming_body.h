#ifndef GATEWAY_HTTP_INCOMING_BODY_H_
#define GATEWAY_HTTP_INCOMING_BODY_H_

#include <coroutine>
#include <cstdint>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "gateway/http/server_shared.h"
#include "gateway/http/timer_queue.h"
#include "gateway/limits/body_budget.h"

namespace ds::http {

// Of a body whose client went before it was there; nobody sees it.
absl::Status ClientGone();

// What becomes of one request's body while it arrives: how large it may be, whose memory it takes,
// whether it comes fast enough, and which handler waits for it. The bytes themselves are the
// request's. Used again for the next request of a connection; on the thread of that only.
class IncomingBody {
 public:
  // `shared` must outlive the object.
  explicit IncomingBody(ServerShared& shared) : shared_(shared), hold_(shared.bodies) {}

  // Who answers for the memory; what it refers to must remain live while the body is waiting().
  using Owners = absl::FunctionRef<BodyOwners()>;

  // The handler wants the body, of `max_bytes` at most. Then: Finish. `owners` is asked when it is
  // large, or takes its time: to look them up costs as much as a small body.
  void Begin(uint64_t max_bytes, Owners owners, SteadyTime now);
  // It was wanted, and has neither come whole nor failed.
  bool waiting() const { return waiting_; }
  // Who is to be resumed when that is so.
  void WhenDone(std::coroutine_handle<> handler) { handler_ = handler; }
  // It is here, or has failed. Returns the handler that waits, which is to be resumed, if any.
  // REQUIRES: waiting().
  [[nodiscard]] std::coroutine_handle<> Finish(absl::Status status);
  const absl::Status& status() const { return status_; }

  // So much of it has come, in all. Errors: kPayloadTooLarge, kOverloaded.
  absl::Status Arrived(uint64_t bytes, SteadyTime now);
  // The same of a body that is not wanted yet.
  absl::Status Arrived(uint64_t bytes, Owners owners, SteadyTime now);
  // Takes memory for `bytes` in all, as of a body that is decoded. Error: kOverloaded.
  absl::Status Reserve(uint64_t bytes, Owners owners);
  // To be asked every half second: whether the body may go on arriving. Errors: kRequestTimeout,
  // kOverloaded for one that stands still while others need the memory.
  absl::Status Check(SteadyTime now);

  // The request is over.
  void Reset();

 private:
  bool TooSlow(SteadyTime now);
  void Own(Owners owners);
  absl::Status Grow(uint64_t bytes);

  ServerShared& shared_;
  BodyBudget::Hold hold_;
  uint64_t max_bytes_ = 0;
  uint64_t bytes_ = 0;
  SteadyTime last_byte_;
  // The rate is counted from then, when so much had come.
  SteadyTime window_begin_;
  uint64_t window_bytes_ = 0;
  bool waiting_ = false;
  absl::Status status_;
  std::coroutine_handle<> handler_;
  std::optional<Owners> owners_;  // while it is waiting
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_INCOMING_BODY_H_

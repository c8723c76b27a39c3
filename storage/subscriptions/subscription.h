#ifndef STORAGE_SUBSCRIPTIONS_SUBSCRIPTION_H_
#define STORAGE_SUBSCRIPTIONS_SUBSCRIPTION_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "storage/api/subscriptions.h"
#include "storage/core/lineage.h"

// The rules of one subscription: wakes, leases, fencing, retries (protocol section 7). Pure
// functions over values: time and randomness are arguments, so any history can be replayed.

namespace ds {

// How far a subscription is with its work; all of it survives a restart.
//
// Idle: no wake, nothing due. Woken: a wake is out; for a webhook its lease runs. Claimed: a worker
// holds a pull-wake subscription and its lease runs. Due: work is pending, but a wake has to wait
// (for the next attempt after failures, for a wake stream that is not there).
struct SubscriptionState {
  uint64_t generation = 0;                         // of the last wake; never goes back
  std::string wake_id;                             // empty: no wake is out
  std::string holder;                              // the worker that claimed it
  absl::Time lease_ends = absl::InfiniteFuture();  // InfiniteFuture: no lease runs
  bool due = false;                                // a wake is to be issued
  bool delivered = false;                          // webhook: the receiver took this wake
  uint32_t failures = 0;                           // webhook: failed attempts in a row
  absl::Time next_attempt = absl::InfinitePast();  // webhook: no attempt before

  bool woken() const { return !wake_id.empty(); }
  bool claimed() const { return !holder.empty(); }
  bool idle() const { return !woken() && !due; }

  friend bool operator==(const SubscriptionState&, const SubscriptionState&) = default;
};

// Whether the configuration makes sense (section 6.2): kInvalidSubscription if not.
absl::Status CheckConfig(const SubscriptionConfig& config);
absl::Status CheckId(std::string_view id);
// Sorts and dedupes the streams; then equal configurations compare equal.
void Normalize(SubscriptionConfig& config);

// A new wake: the next generation. A webhook's lease begins here, a worker's when it claims.
void IssueWake(const SubscriptionConfig& config, std::string wake_id, absl::Time now,
               SubscriptionState& state);
// A worker takes the wake. REQUIRES: it is woken and not claimed.
void Claim(const SubscriptionConfig& config, std::string worker, absl::Time now,
           SubscriptionState& state);
// Whether a request with a valid token of `token_generation` acts for the wake that is out:
// kFenced if not (section 7.3).
absl::Status CheckWake(const SubscriptionState& state, uint64_t token_generation,
                       const SubscriptionCall::WakeReference& wake);
// The lease begins anew.
void RenewLease(const SubscriptionConfig& config, absl::Time now, SubscriptionState& state);
// The wake is over: done, given back, or its lease has ended.
void EndWake(SubscriptionState& state);

// A webhook delivery was taken by its receiver.
void NoteDelivered(SubscriptionState& state);
// It was not: the next attempt is 1 s to 60 s away, doubling. `jitter` is in [-1, 1] and moves that
// by up to a fifth.
void NoteFailed(double jitter, absl::Time now, SubscriptionState& state);
// When a delivery of the wake that is out is to be attempted; InfiniteFuture for never.
absl::Time NextDelivery(const SubscriptionConfig& config, const SubscriptionState& state);

// The position behind a link's cursor in a stream; one of an earlier stream at that path is its
// beginning.
uint64_t AckedPosition(const std::optional<Offset>& acked, const Lineage& lineage, uint64_t tail);

}  // namespace ds

#endif  // STORAGE_SUBSCRIPTIONS_SUBSCRIPTION_H_

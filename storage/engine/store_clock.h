#ifndef STORAGE_ENGINE_STORE_CLOCK_H_
#define STORAGE_ENGINE_STORE_CLOCK_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "storage/engine/probe.h"

namespace ds {

// The time of one data directory: a step of the system's clock, while the server runs or while it
// does not, must not end what lives for a time.
//
// Running time goes on from start to start, so that what the disk has of it keeps its meaning.
// Between two starts of one boot the machine knows how much has passed. After a reboot only the
// system's clock can tell, and it may be wrong: no more than kMaxDowntime is believed of what it
// says. So a stream with a TTL may live longer than it should, by the time beyond that; it never
// ends for a clock that was set.
//
// What ends at a calendar time (Stream-Expires-At) goes by the accepted time: the system's clock,
// but a step of more than kTolerance is accepted only when it has lasted for kGrace. Until then
// time passes as if there had been none, and the log and a metric tell of it.
//
// A mark on disk has the times of some moment; a start goes on from it. Thread-safe but for Load
// and Check.
class StoreClock final : public Clock {
 public:
  static constexpr absl::Duration kMaxDowntime = absl::Hours(1);
  static constexpr absl::Duration kGrace = absl::Hours(1);
  static constexpr absl::Duration kTolerance = absl::Minutes(1);

  // Both must outlive the object. Call Load before anything else.
  StoreClock(Clock& base, EngineProbe& probe) : base_(base), probe_(probe) {}

  // Goes on from `mark`; empty: there is none. Errors: DataLoss.
  absl::Status Load(std::string_view mark);
  // The mark of now.
  std::string Mark() const;

  absl::Time Now() const override { return epoch_ + base_.Uptime(); }
  absl::Time Wall() const override { return base_.Wall(); }
  absl::Time AcceptedWall() const { return Now() + offset(); }
  absl::Duration Uptime() const override { return base_.Uptime(); }
  std::string BootId() const override { return base_.BootId(); }

  // Looks whether the system's clock was set. To be called often, on one thread; mostly it does
  // nothing.
  void Check();

  // How far the system's clock is from the accepted time, and that from the running time.
  absl::Duration unaccepted() const { return Wall() - AcceptedWall(); }
  absl::Duration offset() const { return absl::Nanoseconds(offset_nanos_.load()); }

 private:
  void Accept(absl::Duration step);

  Clock& base_;
  EngineProbe& probe_;
  std::string boot_id_;
  // The running time when the machine booted. Set by Load.
  absl::Time epoch_;
  std::atomic<int64_t> offset_nanos_{0};  // of the accepted time from the running time

  // Check's.
  absl::Duration next_check_;    // by uptime
  absl::Duration step_;          // one that is not accepted yet; zero: none
  absl::Duration step_seen_at_;  // by uptime
};

}  // namespace ds

#endif  // STORAGE_ENGINE_STORE_CLOCK_H_

#include "storage/engine/store_clock.h"

#include <algorithm>

#include "spdlog/spdlog.h"
#include "storage/engine/metadata.pb.h"

namespace ds {
namespace {

constexpr absl::Duration kCheckInterval = absl::Milliseconds(250);
// What NTP corrects by slewing, or the imprecision of two readings: not worth a word.
constexpr absl::Duration kDrift = absl::Seconds(1);

bool IsWithin(absl::Duration value, absl::Duration bound) {
  return absl::AbsDuration(value) <= bound;
}

}  // namespace

absl::Status StoreClock::Load(std::string_view mark) {
  boot_id_ = base_.BootId();
  const absl::Duration uptime = base_.Uptime();
  const absl::Time wall = base_.Wall();
  if (mark.empty()) {
    epoch_ = wall - uptime;
    return absl::OkStatus();
  }
  durablestreams::engine::v1::ClockMark in;
  if (!in.ParseFromArray(mark.data(), static_cast<int>(mark.size()))) {
    return absl::DataLossError("the mark of the clock is damaged");
  }
  absl::Duration passed;
  if (!boot_id_.empty() && in.boot_id() == boot_id_) {
    passed = std::max(uptime - absl::Nanoseconds(in.uptime_nanos()), absl::ZeroDuration());
  } else {
    const absl::Duration down = wall - absl::FromUnixNanos(in.wall_unix_nanos());
    passed = std::clamp(down, absl::ZeroDuration(), kMaxDowntime);
    if (passed != down) {
      spdlog::warn(
          "storage: by the system's clock the data directory was last used {} ago; of that {} "
          "count "
          "for TTLs and leases",
          absl::FormatDuration(down), absl::FormatDuration(passed));
    }
  }
  epoch_ = absl::FromUnixNanos(in.now_unix_nanos()) + passed - uptime;
  offset_nanos_ = in.accepted_unix_nanos() - in.now_unix_nanos();
  Check();
  return absl::OkStatus();
}

std::string StoreClock::Mark() const {
  durablestreams::engine::v1::ClockMark out;
  // Read together: they must tell of one moment.
  const absl::Duration uptime = base_.Uptime();
  const int64_t now = absl::ToUnixNanos(epoch_ + uptime);
  out.set_now_unix_nanos(now);
  out.set_wall_unix_nanos(absl::ToUnixNanos(base_.Wall()));
  out.set_accepted_unix_nanos(now + offset_nanos_.load());
  out.set_boot_id(boot_id_);
  out.set_uptime_nanos(absl::ToInt64Nanoseconds(uptime));
  return out.SerializeAsString();
}

void StoreClock::Accept(absl::Duration step) {
  offset_nanos_ += absl::ToInt64Nanoseconds(step);
  step_ = absl::ZeroDuration();
}

void StoreClock::Check() {
  const absl::Duration uptime = base_.Uptime();
  if (uptime < next_check_) return;
  next_check_ = uptime + kCheckInterval;
  const absl::Duration step = unaccepted();
  if (IsWithin(step, kTolerance)) {
    if (step_ != absl::ZeroDuration()) {
      spdlog::info("storage: the system's clock is right again");
    } else if (!IsWithin(step, kDrift)) {
      probe_.clock_steps.Increment();
      spdlog::info("storage: the system's clock was set by {}", absl::FormatDuration(step));
    }
    return Accept(step);
  }
  if (step_ == absl::ZeroDuration() || !IsWithin(step - step_, kTolerance)) {
    step_ = step;
    step_seen_at_ = uptime;
    probe_.clock_steps.Increment();
    spdlog::warn(
        "storage: the system's clock was set by {}; until it has been so for {} streams end by the "
        "time before",
        absl::FormatDuration(step), absl::FormatDuration(kGrace));
  } else if (uptime - step_seen_at_ >= kGrace) {
    spdlog::warn("storage: the system's clock was set by {}, which counts from now on",
                 absl::FormatDuration(step));
    Accept(step);
  }
}

}  // namespace ds

#ifndef BASE_LIMITED_LOG_H_
#define BASE_LIMITED_LOG_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "spdlog/spdlog.h"

namespace ds {

// Bounds a kind of log line that clients can cause: so many at once, then so many a second. What is
// beyond is left out, and the next line that is written says how many were. One object per kind,
// for the life of the process. Thread-safe, without locks.
class LogLimit {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr int64_t kBurst = 50;
  static constexpr int64_t kPerSecond = 5;

  // Whether a line may be written at `now`: then how many were left out since the last one.
  std::optional<uint64_t> Admit(Clock::time_point now = Clock::now());

  // Lines of all kinds that were left out since the start of the process.
  static uint64_t left_out_total() { return left_out_total_.load(std::memory_order_relaxed); }

 private:
  static std::atomic<uint64_t> left_out_total_;

  // The time at which the last line would have been due at kPerSecond; in nanoseconds.
  std::atomic<int64_t> due_nanos_{0};
  std::atomic<uint64_t> left_out_{0};
};

// Writes a line to the process' log if `limit` has room for it.
template <typename... Args>
void LogLimited(LogLimit& limit, spdlog::level::level_enum level,
                spdlog::format_string_t<Args...> format, Args&&... args) {
  if (!spdlog::should_log(level)) return;
  const std::optional<uint64_t> left_out = limit.Admit();
  if (!left_out) return;
  if (*left_out == 0) return spdlog::log(level, format, std::forward<Args>(args)...);
  const std::string line = fmt::format(format, std::forward<Args>(args)...);
  spdlog::log(level, "{} ({} lines like this were left out before)", line, *left_out);
}

}  // namespace ds

#endif  // BASE_LIMITED_LOG_H_

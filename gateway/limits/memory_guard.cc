#include "gateway/limits/memory_guard.h"

#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>

#include "spdlog/spdlog.h"

namespace ds {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(20);
// Between attempts to give freed memory back to the system, each of which walks the heap.
constexpr auto kTrimInterval = std::chrono::milliseconds(500);
constexpr double kShareOfLimit = 0.85;
// It takes work again below this share of the maximum.
constexpr double kResumeShare = 0.95;
// What version 1 control groups say for "no limit" is near 2^63.
constexpr uint64_t kNoLimit = uint64_t{1} << 60;

uint64_t ControlGroupLimit() {
  for (const char* const file :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::ifstream in(file);
    uint64_t limit = 0;
    if (in >> limit && limit < kNoLimit) return limit;
  }
  return 0;
}

uint64_t ResidentBytes() {
  std::ifstream in("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  in >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

uint64_t Maximum(uint64_t wanted) {
  if (wanted > 0) return wanted;
  return static_cast<uint64_t>(static_cast<double>(ControlGroupLimit()) * kShareOfLimit);
}

}  // namespace

MemoryGuard::MemoryGuard(uint64_t max_bytes) : max_bytes_(Maximum(max_bytes)) {
  if (max_bytes_ > 0) thread_ = std::thread([this] { Run(); });
}

MemoryGuard::~MemoryGuard() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void MemoryGuard::Run() {
  auto trimmed = std::chrono::steady_clock::time_point();
  std::unique_lock<std::mutex> lock(mutex_);
  while (!wake_.wait_for(lock, kInterval, [this] { return stopping_; })) {
    uint64_t resident = ResidentBytes();
    const auto now = std::chrono::steady_clock::now();
    if (resident >= max_bytes_ && now - trimmed > kTrimInterval) {
      // Much of it may be free already, and only kept for the next request.
      trimmed = now;
      malloc_trim(0);
      resident = ResidentBytes();
    }
    if (!sheds_ && resident >= max_bytes_) {
      sheds_ = true;
      spdlog::warn("memory: {} MiB of {} are used; requests are refused", resident >> 20,
                   max_bytes_ >> 20);
    } else if (sheds_ &&
               static_cast<double>(resident) < static_cast<double>(max_bytes_) * kResumeShare) {
      sheds_ = false;
      spdlog::info("memory: {} MiB are used; requests are taken again", resident >> 20);
    }
  }
}

}  // namespace ds

#ifndef GATEWAY_LIMITS_MEMORY_GUARD_H_
#define GATEWAY_LIMITS_MEMORY_GUARD_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace ds {

// Watches how much memory the process has, so that it can refuse work before the system ends it. On
// one thread of its own; thread-safe.
class MemoryGuard {
 public:
  // Refuses from `max_bytes` of resident memory on; 0: 85% of what the control group allows, or
  // never where it allows any.
  explicit MemoryGuard(uint64_t max_bytes);
  ~MemoryGuard();

  bool sheds() const { return sheds_.load(std::memory_order_relaxed); }
  // 0: none.
  uint64_t max_bytes() const { return max_bytes_; }

 private:
  void Run();

  const uint64_t max_bytes_;
  std::atomic<bool> sheds_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace ds

#endif  // GATEWAY_LIMITS_MEMORY_GUARD_H_

#include "base/alarm.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ds {
namespace {

// Between two calls: deadlines that follow closely are looked at together.
constexpr auto kMinInterval = std::chrono::milliseconds(5);

}  // namespace

Alarm::Alarm(UniqueFunction<SteadyTime()> on_due)
    : on_due_(std::move(on_due)), thread_([this] { Run(); }) {}

Alarm::~Alarm() { Stop(); }

void Alarm::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Alarm::SetEarlier(SteadyTime time) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    at_ = std::min(at_.load(), time.time_since_epoch().count());
  }
  changed_.notify_all();
}

void Alarm::Run() {
  SteadyTime not_before{};
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    const SteadyTime at{SteadyTime::duration(at_.load())};
    const SteadyTime next = std::max(at, not_before);
    if (at == SteadyTime::max()) {
      changed_.wait(lock);
      continue;
    }
    if (std::chrono::steady_clock::now() < next) {
      changed_.wait_until(lock, next);
      continue;
    }
    // What is asked for from here on is not known to the call.
    at_ = SteadyTime::max().time_since_epoch().count();
    lock.unlock();
    const SteadyTime wanted = on_due_();
    not_before = std::chrono::steady_clock::now() + kMinInterval;
    lock.lock();
    at_ = std::min(at_.load(), wanted.time_since_epoch().count());
  }
}

}  // namespace ds

#ifndef GATEWAY_HTTP_IO_THREAD_H_
#define GATEWAY_HTTP_IO_THREAD_H_

#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/unique_function.h"
#include "boost/asio/io_context.hpp"
#include "boost/asio/steady_timer.hpp"

namespace ds::http {

using SteadyTime = std::chrono::steady_clock::time_point;

// Something that wants to look at the time now and then; part of a list in its thread.
class Swept {
 public:
  virtual ~Swept() = default;
  virtual void Sweep(SteadyTime now) = 0;

 private:
  friend class IoThread;
  Swept* previous_ = nullptr;
  Swept* next_ = nullptr;
};

// One thread with its event loop. Connections, their handlers and their timers belong to exactly
// one IoThread and are touched on it only; Post is the one way in from outside.
class IoThread {
 public:
  explicit IoThread(size_t index);
  // REQUIRES: stopped.
  ~IoThread();

  void Start();
  // Ends the loop and joins the thread. What is still posted is dropped.
  void Stop();

  size_t index() const { return index_; }
  boost::asio::io_context& context() { return context_; }

  // Runs `work` on this thread, later and in order. Thread-safe. Many calls between two turns of
  // the loop cost one wake-up.
  void Post(UniqueFunction<void()> work);
  // Resumes a coroutine on this thread. Thread-safe.
  void Resume(std::coroutine_handle<> coroutine);

  // On this thread only, from here on.

  // A buffer to read sockets into; its content is lost with the next turn of the loop.
  static constexpr size_t kScratchSize = 64 << 10;
  char* scratch() { return scratch_.get(); }

  // The value of the Date header, renewed once a second.
  std::string_view date() const { return date_; }

  // `swept` is called about every half second until removed.
  void AddSwept(Swept& swept);
  void RemoveSwept(Swept& swept);

 private:
  struct Posted {
    std::coroutine_handle<> coroutine;
    UniqueFunction<void()> work;
  };

  void Enqueue(Posted posted);
  void RunPosted();
  void Tick();

  const size_t index_;
  boost::asio::io_context context_;
  boost::asio::steady_timer ticker_;
  std::unique_ptr<char[]> scratch_;
  std::string date_;
  Swept* swept_ = nullptr;
  Swept* sweeping_next_ = nullptr;  // where a sweep goes on, should the current one vanish

  std::mutex mutex_;
  std::vector<Posted> posted_;  // guarded by mutex_
  std::vector<Posted> running_;

  std::thread thread_;
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_IO_THREAD_H_

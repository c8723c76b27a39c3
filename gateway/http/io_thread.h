#ifndef GATEWAY_HTTP_IO_THREAD_H_
#define GATEWAY_HTTP_IO_THREAD_H_

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/turn_watch.h"
#include "base/unique_function.h"
#include "boost/asio/io_context.hpp"
#include "boost/asio/posix/stream_descriptor.hpp"
#include "boost/asio/steady_timer.hpp"
#include "gateway/http/timer_queue.h"

namespace ds::http {

// Something that wants to look at the time now and then; part of a list in its thread.
class Swept {
 public:
  virtual ~Swept() = default;
  virtual void Sweep(SteadyTime now) = 0;
  // The thread is about to stop, or the place is needed.
  virtual void Shutdown() {}
  // Whether it may give its place up for another: nobody waits for what it has begun.
  virtual bool evictable() const { return false; }

 private:
  friend class IoThread;
  Swept* previous_ = nullptr;
  Swept* next_ = nullptr;
};

// A socket that a thread watches, edge by edge: it is told once of what has come, and must read
// until nothing is left or remember that something is.
class Watched {
 public:
  struct Ready {
    bool readable = false;
    bool writable = false;
    // The peer will send nothing more; what it sent before may still be unread.
    bool ended = false;
    // Nothing goes either way any more: the connection was reset, or both sides have ended theirs.
    bool broken = false;
  };

  virtual ~Watched() = default;
  virtual void OnReady(const Ready& ready) = 0;
};

// One thread with its event loop. Connections, their handlers and their timers belong to exactly
// one IoThread and are touched on it only; Post is the one way in from outside.
class IoThread {
 public:
  explicit IoThread(size_t index);
  // REQUIRES: stopped.
  ~IoThread();

  void Start();
  // Shuts down what is swept, ends the loop and joins the thread.
  void Stop();

  size_t index() const { return index_; }
  // When the loop last did what it does every half second. Thread-safe.
  SteadyTime last_tick() const { return SteadyTime(SteadyTime::duration(last_tick_.load())); }
  // Turns of the loop that took long. Thread-safe.
  const TurnWatch& watch() const { return watch_; }
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

  // Watches `socket` until Unwatch, which must come before either goes. Sockets stand in an epoll
  // set of the thread's own that Asio waits on as one: waiting for a request then costs no system
  // call and no allocation. Returns false when the system refuses.
  bool Watch(int socket, Watched& watched);
  void Unwatch(int socket, const Watched& watched);

  TimerQueue& timers() { return timers_; }
  // The time, some microseconds ago.
  SteadyTime now() const { return now_; }

  // The value of the Date header, renewed once a second.
  std::string_view date() const { return date_; }

  // `swept` is called about every half second until removed.
  void AddSwept(Swept& swept);
  void RemoveSwept(Swept& swept);
  // Shuts down the one that is evictable and was added first; false when there is none.
  bool EvictOldest();

 private:
  struct Posted {
    std::coroutine_handle<> coroutine;
    UniqueFunction<void()> work;
  };

  // Looks at the clock, for what is done from here on.
  void RenewNow();
  void Enqueue(Posted posted);
  void RunPosted();
  void Tick();
  void WaitForSockets();
  void DispatchSockets();

  const size_t index_;
  TurnWatch watch_;
  boost::asio::io_context context_;
  boost::asio::steady_timer ticker_;
  TimerQueue timers_;
  boost::asio::posix::stream_descriptor sockets_;  // an epoll set
  std::array<epoll_event, 256> ready_;
  int ready_count_ = 0;  // of the events in ready_, while they are dispatched
  std::unique_ptr<char[]> scratch_;
  SteadyTime now_ = std::chrono::steady_clock::now();
  std::atomic<SteadyTime::rep> last_tick_{now_.time_since_epoch().count()};
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

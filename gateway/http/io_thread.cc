#include "gateway/http/io_thread.h"

#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/turn.h"
#include "boost/asio/post.hpp"

namespace ds::http {
namespace {

constexpr auto kTick = std::chrono::milliseconds(500);
// A busy loop must not keep what is put off to the end of its turn waiting for long.
constexpr auto kMaxTurn = std::chrono::microseconds(500);

}  // namespace

IoThread::IoThread(size_t index)
    : index_(index),
      watch_("http-" + std::to_string(index)),
      context_(1),
      ticker_(context_),
      timers_(context_, watch_),
      sockets_(context_, epoll_create1(EPOLL_CLOEXEC)),
      scratch_(new char[kScratchSize]) {}

IoThread::~IoThread() = default;

void IoThread::Start() {
  boost::asio::post(context_, [this] {
    Tick();
    WaitForSockets();
  });
  thread_ = std::thread([this] {
    const auto work = boost::asio::make_work_guard(context_);
    while (!context_.stopped()) {
      {
        const Turn turn;
        context_.run_one();
        const SteadyTime end = now_ + kMaxTurn;
        while (context_.poll_one() > 0 && std::chrono::steady_clock::now() < end) {
        }
      }
      watch_.End(std::chrono::steady_clock::now());
    }
  });
}

void IoThread::Stop() {
  if (!thread_.joinable()) return;
  Post([this] {
    for (Swept* swept = swept_; swept != nullptr; swept = sweeping_next_) {
      sweeping_next_ = swept->next_;
      swept->Shutdown();
    }
    sweeping_next_ = nullptr;
    // Behind what that has posted.
    Post([this] { context_.stop(); });
  });
  thread_.join();
}

bool IoThread::Watch(int socket, Watched& watched) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &watched;
  return epoll_ctl(sockets_.native_handle(), EPOLL_CTL_ADD, socket, &event) == 0;
}

void IoThread::Unwatch(int socket, const Watched& watched) {
  epoll_ctl(sockets_.native_handle(), EPOLL_CTL_DEL, socket, nullptr);
  // It may be among those that are being told.
  for (int i = 0; i < ready_count_; ++i) {
    epoll_event& event = ready_[static_cast<size_t>(i)];
    if (event.data.ptr == &watched) event.data.ptr = nullptr;
  }
}

void IoThread::WaitForSockets() {
  sockets_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [this](const boost::system::error_code& error) {
                        if (error) return;
                        DispatchSockets();
                        WaitForSockets();
                      });
}

void IoThread::RenewNow() {
  now_ = std::chrono::steady_clock::now();
  watch_.Begin(now_);
}

void IoThread::DispatchSockets() {
  RenewNow();
  ready_count_ = epoll_wait(sockets_.native_handle(), ready_.data(),
                            static_cast<int>(ready_.size()), /*timeout=*/0);
  for (int i = 0; i < ready_count_; ++i) {
    const epoll_event& event = ready_[static_cast<size_t>(i)];
    if (event.data.ptr == nullptr) continue;
    Watched::Ready ready;
    ready.broken = (event.events & (EPOLLHUP | EPOLLERR)) != 0;
    ready.ended = ready.broken || (event.events & EPOLLRDHUP) != 0;
    ready.readable = ready.ended || (event.events & EPOLLIN) != 0;
    ready.writable = (event.events & EPOLLOUT) != 0;
    static_cast<Watched*>(event.data.ptr)->OnReady(ready);
  }
  ready_count_ = 0;
}

void IoThread::Post(UniqueFunction<void()> work) { Enqueue({{}, std::move(work)}); }

void IoThread::Resume(std::coroutine_handle<> coroutine) { Enqueue({coroutine, {}}); }

void IoThread::Enqueue(Posted posted) {
  bool first;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(posted));
  }
  if (first) Turn::AtEnd([this] { boost::asio::post(context_, [this] { RunPosted(); }); });
}

void IoThread::RunPosted() {
  RenewNow();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    running_.swap(posted_);
  }
  for (Posted& posted : running_) {
    if (posted.coroutine) {
      posted.coroutine.resume();
    } else {
      posted.work();
    }
  }
  running_.clear();
}

void IoThread::AddSwept(Swept& swept) {
  swept.previous_ = nullptr;
  swept.next_ = swept_;
  if (swept_ != nullptr) swept_->previous_ = &swept;
  swept_ = &swept;
}

void IoThread::RemoveSwept(Swept& swept) {
  if (sweeping_next_ == &swept) sweeping_next_ = swept.next_;
  (swept.previous_ ? swept.previous_->next_ : swept_) = swept.next_;
  if (swept.next_ != nullptr) swept.next_->previous_ = swept.previous_;
  swept.previous_ = swept.next_ = nullptr;
}

bool IoThread::EvictOldest() {
  Swept* oldest = nullptr;
  for (Swept* swept = swept_; swept != nullptr; swept = swept->next_) {
    if (swept->evictable()) oldest = swept;
  }
  if (oldest != nullptr) oldest->Shutdown();
  return oldest != nullptr;
}

void IoThread::Tick() {
  RenewNow();
  date_ = absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", absl::Now(), absl::UTCTimeZone());
  last_tick_ = now_.time_since_epoch().count();
  for (Swept* swept = swept_; swept != nullptr; swept = sweeping_next_) {
    sweeping_next_ = swept->next_;
    swept->Sweep(now_);
  }
  sweeping_next_ = nullptr;
  ticker_.expires_after(kTick);
  ticker_.async_wait([this](const boost::system::error_code& error) {
    if (!error) Tick();
  });
}

}  // namespace ds::http

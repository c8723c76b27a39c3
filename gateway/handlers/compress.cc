#include <coroutine>
#include <deque>
#include <utility>

#include "gateway/handlers/gateway.h"

// Compresses bodies without holding up the event loop: in steps, between which other connections
// have their turn.

namespace ds {
namespace {

// Each compression has megabytes of tables and windows, so only some are under way on a thread.
constexpr int kMaxAtOnce = 4;

// The compressions of one thread: those under way, and those that wait for their turn.
struct Line {
  int under_way = 0;
  std::deque<std::coroutine_handle<>> waiting;
};
thread_local Line line;

// A place in line: waits for the turn of its coroutine, and then holds one until it goes.
class Place {
 public:
  explicit Place(http::IoThread& io) : io_(io) {}
  Place(const Place&) = delete;
  ~Place() {
    if (line.waiting.empty()) {
      --line.under_way;
      return;
    }
    io_.Resume(line.waiting.front());
    line.waiting.pop_front();
  }

  bool await_ready() const {
    if (line.under_way == kMaxAtOnce) return false;
    ++line.under_way;
    return true;
  }
  void await_suspend(std::coroutine_handle<> coroutine) { line.waiting.push_back(coroutine); }
  void await_resume() const {}

 private:
  http::IoThread& io_;
};

// Lets the thread do what else there is.
class Pause {
 public:
  explicit Pause(http::IoThread& io) : io_(io) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) { io_.Resume(coroutine); }
  void await_resume() const {}

 private:
  http::IoThread& io_;
};

}  // namespace

Task<Coding> Gateway::Compress(http::Exchange& exchange, const AcceptedCodings& accepted,
                               http::Piece& body) {
  const std::string_view bytes = body.view();
  const size_t max_size =
      accepted.Allows(Coding::kIdentity) ? WorthwhileSize(bytes.size()) : Compressor::kAnySize;
  using State = Compressor::State;
  if (bytes.size() <= Compressor::kStepBytes) {
    Compressor compressor(accepted.best(), bytes, max_size);
    if (compressor.Step() != State::kDone) co_return Coding::kIdentity;
    body = compressor.Take();
    co_return accepted.best();
  }
  Place place(exchange.io());
  co_await place;
  Compressor compressor(accepted.best(), bytes, max_size);
  State state = compressor.Step();
  while (state == State::kMore && !exchange.gone()) {
    Pause pause(exchange.io());
    co_await pause;
    state = compressor.Step();
  }
  if (state != State::kDone) co_return Coding::kIdentity;
  body = compressor.Take();
  co_return accepted.best();
}

}  // namespace ds

#ifndef GATEWAY_HTTP_EXCHANGE_H_
#define GATEWAY_HTTP_EXCHANGE_H_

#include <coroutine>
#include <string>

#include "absl/status/status.h"
#include "base/task.h"
#include "base/unique_function.h"
#include "gateway/http/io_thread.h"
#include "gateway/http/message.h"

namespace ds::http {

// One request and the way to answer it, whatever carries it (HTTP/1.1 here). Belongs to one
// IoThread. A handler answers once: with Respond, or with StartStream, any number of Writes and
// EndStream. Every send completes when the bytes are handed to the kernel, so a handler never has
// more than one piece under way: that is the whole of the backpressure.
class Exchange {
 public:
  // Resumes with false when the peer is gone; sending more is then harmless and useless.
  class [[nodiscard]] Sending {
   public:
    explicit Sending(Exchange& exchange) : exchange_(exchange) {}
    bool await_ready() const { return !exchange_.sending(); }
    void await_suspend(std::coroutine_handle<> handler) { exchange_.WhenSent(handler); }
    bool await_resume() const { return !exchange_.gone(); }

   private:
    Exchange& exchange_;
  };

  virtual ~Exchange() = default;

  virtual IoThread& io() = 0;
  virtual Request& request() = 0;

  Sending Respond(Response response) {
    Send(std::move(response));
    return Sending(*this);
  }
  Sending StartStream(Response head) {
    SendStreamHead(std::move(head));
    return Sending(*this);
  }
  Sending Write(Pieces pieces) {
    SendStreamPieces(std::move(pieces));
    return Sending(*this);
  }
  Sending EndStream() {
    SendStreamEnd();
    return Sending(*this);
  }

  // Whether the peer is gone.
  virtual bool gone() const = 0;
  // Calls `action` once, on the IoThread, when the peer goes. An empty one takes it back.
  virtual void OnGone(UniqueFunction<void()> action) = 0;

 protected:
  virtual void Send(Response response) = 0;
  virtual void SendStreamHead(Response head) = 0;
  virtual void SendStreamPieces(Pieces pieces) = 0;
  virtual void SendStreamEnd() = 0;
  virtual bool sending() const = 0;
  virtual void WhenSent(std::coroutine_handle<> handler) = 0;
};

// Answers requests.
class Handler {
 public:
  virtual ~Handler() = default;
  // Runs on the exchange's thread. The exchange lives until the task is done.
  virtual Task<Done> Handle(Exchange& exchange) = 0;
  // The answer to a request that could not be read.
  virtual Response Refuse(const absl::Status& error) = 0;
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_EXCHANGE_H_

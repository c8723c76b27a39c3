#ifndef GATEWAY_HTTP_EXCHANGE_H_
#define GATEWAY_HTTP_EXCHANGE_H_

#include <coroutine>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "base/task.h"
#include "base/unique_function.h"
#include "gateway/http/incoming_body.h"
#include "gateway/http/io_thread.h"
#include "gateway/http/message.h"

namespace ds::http {

// One request and the way to answer it, whatever carries it (HTTP/1.1 or HTTP/2). Belongs to one
// IoThread. A handler answers once: with Respond, or with StartStream, any number of Writes and
// EndStream. A send completes when the bytes are handed to the kernel, or over HTTP/2 when few
// enough wait for the client's flow control; so a handler never has much more than one piece under
// way: that is the whole of the backpressure.
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

  // Who wants to know that the peer has gone.
  class GoneObserver {
   public:
    virtual void OnGone() = 0;

   protected:
    ~GoneObserver() = default;
  };

  // Resumes with the status that was answered.
  class [[nodiscard]] Responding : public Sending {
   public:
    Responding(Exchange& exchange, int status) : Sending(exchange), status_(status) {}
    int await_resume() const { return status_; }

   private:
    const int status_;
  };

  virtual ~Exchange() = default;

  virtual IoThread& io() = 0;
  // What was asked for. Its head stays as it is until the handler's task is done, so views of it
  // may be held until then, across everything that the handler awaits. Its body is there once
  // ReadBody has succeeded; the handler may move it away.
  virtual Request& request() = 0;

  // Results in whether the body is there, or why it is not: kPayloadTooLarge, kRequestTimeout,
  // kBadRequest, kOverloaded. That is for the handler to answer, unless the peer is gone.
  class [[nodiscard]] BodyReading {
   public:
    explicit BodyReading(Exchange& exchange) : exchange_(exchange) {}
    bool await_ready() const { return !exchange_.body().waiting(); }
    void await_suspend(std::coroutine_handle<> handler) { exchange_.body().WhenDone(handler); }
    absl::Status await_resume() const { return exchange_.body().status(); }

   private:
    Exchange& exchange_;
  };
  // Reads the request's body, of `max_bytes` at most; the server's own limit holds too. Until then
  // no more of it is read than comes at once, and who waits for leave to send it has none.
  // `owners` must remain live until that is over. A body that is never read is dropped behind the
  // answer. Once.
  BodyReading ReadBody(uint64_t max_bytes, IncomingBody::Owners owners) {
    BeginBody(max_bytes, owners);
    return BodyReading(*this);
  }
  // Counts `bytes` of memory for the request's body, in place of what was counted before if that
  // was less; until the request is done. `owners` answer for it. Error: kOverloaded.
  absl::Status ReserveBody(uint64_t bytes, IncomingBody::Owners owners) {
    return body().Reserve(bytes, owners);
  }

  Responding Respond(Response response) {
    const int status = response.status;
    Send(std::move(response));
    return Responding(*this, status);
  }
  // `filler`, which must outlive the exchange, means nothing in this stream and may stand between
  // any two writes. A peer that has ended its own side is sent it now and then, to find out whether
  // it is still there to read; without one that shows at the next write only.
  Sending StartStream(Response head, std::string_view filler = {}) {
    SendStreamHead(std::move(head), filler);
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

  // For a stream with many receivers: sends without a coroutine, after StartStream. What the kernel
  // does not take at once is queued; then sending() holds, and nothing more should be sent until
  // Sent.
  virtual void SendShared(std::span<const SharedPayload* const> chunks) = 0;
  Sending Sent() { return Sending(*this); }
  virtual bool sending() const = 0;

  // The largest body that any request may have, in bytes, encoded or decoded.
  virtual uint64_t MaxBody() const = 0;

  // The peer's IP address.
  virtual std::string PeerAddress() const = 0;

  // Whether the peer is gone. One that has only ended its own side after its request is not: it may
  // well read the answer.
  virtual bool gone() const = 0;
  // Has `observer` called, once and on the IoThread, when the peer goes; nullptr takes it back.
  // REQUIRES: the peer is not gone.
  virtual void NotifyGone(GoneObserver* observer) = 0;

 protected:
  virtual void Send(Response response) = 0;
  virtual void SendStreamHead(Response head, std::string_view filler) = 0;
  virtual void SendStreamPieces(Pieces pieces) = 0;
  virtual void SendStreamEnd() = 0;
  virtual void WhenSent(std::coroutine_handle<> handler) = 0;
  virtual IncomingBody& body() = 0;
  // Begins body(), and takes what has come of it.
  virtual void BeginBody(uint64_t max_bytes, IncomingBody::Owners owners) = 0;
};

// Answers requests.
class Handler {
 public:
  virtual ~Handler() = default;
  // Begins when the request's head is there. Runs on the exchange's thread; the exchange lives
  // until the task is done. Results in the status of the answer, or 0 when the peer went before
  // there was one.
  virtual Task<int> Handle(Exchange& exchange) = 0;
  // The answer to a request whose head could not be read.
  virtual Response Refuse(Exchange& exchange, const absl::Status& error) = 0;
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_EXCHANGE_H_

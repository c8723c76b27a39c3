#ifndef GATEWAY_HTTP_CONNECTION_H_
#define GATEWAY_HTTP_CONNECTION_H_

#include <atomic>
#include <chrono>
#include <coroutine>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/task.h"
#include "gateway/http/exchange.h"
#include "gateway/http/io_thread.h"
#include "gateway/http/peer_watch.h"
#include "gateway/http/request_reader.h"
#include "gateway/http/send_queue.h"
#include "gateway/http/server_shared.h"
#include "gateway/http/transport.h"

namespace ds::http {

// One connection, HTTP/1.x unless its first bytes are those of HTTP/2; then it becomes an
// Http2Connection. Reads requests one after the other, has each answered, writes the
// answer. Pipelined requests wait in a bounded buffer. Lives on one IoThread, owned by itself while
// the socket is open and by its handler; ends when both let go.
//
// An idle connection holds no read buffer: bytes come through the thread's scratch buffer, and only
// what is left over of an incomplete request is kept.
class Connection final : public Exchange,
                         public Swept,
                         public Watched,
                         public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::unique_ptr<Transport> transport, IoThread& io,
             std::shared_ptr<ServerShared> shared);
  ~Connection() override;

  // To be called once, on the IoThread.
  void Start();

  IoThread& io() override { return io_; }
  Request& request() override { return request_; }
  std::string PeerAddress() const override {
    return closed_ ? std::string() : PeerAddressOf(transport_->socket());
  }
  bool gone() const override { return closed_; }
  void NotifyGone(GoneObserver* observer) override { gone_observer_ = observer; }
  void SendShared(std::span<const SharedPayload* const> chunks) override;
  bool sending() const override { return !out_.empty() && !closed_; }
  uint64_t MaxBody() const override { return shared_->limits.max_body; }
  void Sweep(SteadyTime now) override;
  void Shutdown() override { Close(); }
  bool evictable() const override { return !handling_ || answered_ || body_.waiting(); }
  void OnReady(const Ready& ready) override;

 protected:
  void Send(Response response) override;
  void SendStreamHead(Response head, std::string_view filler) override;
  void SendStreamPieces(Pieces pieces) override;
  void SendStreamEnd() override;
  void WhenSent(std::coroutine_handle<> handler) override { waiter_ = handler; }
  IncomingBody& body() override { return body_; }
  void BeginBody(uint64_t max_bytes, IncomingBody::Owners owners) override;

 private:
  void Receive();
  // Goes on with receiving in a turn of its own, so that others have theirs.
  void ReceiveLater();
  void Process();
  // Whether the peer speaks HTTP/2, which its first bytes tell; then the connection is handed over.
  bool HandOverIfHttp2();
  // Reads a request on; returns whether there may be more to process.
  bool Advance();
  // The same within a body that the handler waits for: returns whether that is over.
  bool AdvanceBody();
  // The same within one that nobody wanted.
  bool DropBody();
  // The body is here, or has failed: goes on with the handler if that waits.
  void BodyIsOver(absl::Status status);
  // Whether what is left of the body is so little that it is dropped rather than the connection.
  bool CanDropBody();
  Detached Handle();
  void RequestDone();
  // All of an answered request is read: begins the next.
  void NextRequest();
  void Refuse(const absl::Status& error);
  // The peer sends nothing more: what it has asked for is answered, then the connection ends.
  void EndInput();
  // The last answer was given: sends what is left of it, and drops what the peer still sends.
  void Linger();
  void AllSent();
  // Sends a peer that has ended its side something that means nothing, if it is time.
  void Probe(SteadyTime now);

  void Queue(std::string head, Pieces pieces);
  void OnWritable();
  void Close();
  void SetDeadline(std::chrono::milliseconds timeout);
  // The status line and all headers, made of what the handler set.
  std::string ResponseHead(Response& response, bool streaming);
  // Gives memory back that the next request would use again.
  void Shrink();
  bool in_body() const { return reader_.stage() == RequestReader::Stage::kBody; }
  bool draining() const { return shared_->draining.load(std::memory_order_relaxed); }

  std::unique_ptr<Transport> transport_;
  IoThread& io_;
  std::shared_ptr<Connection> self_;  // while the socket is open
  const std::shared_ptr<ServerShared> shared_;

  RequestReader reader_;
  Request request_;
  IncomingBody body_{*shared_};

  SendQueue out_;
  std::string_view filler_;  // of the stream that is being sent
  std::coroutine_handle<> waiter_;
  GoneObserver* gone_observer_ = nullptr;

  bool unread_ = false;      // the socket was not read to its end
  bool hung_up_ = false;     // the kernel has said that the peer sends nothing more
  bool peer_ended_ = false;  // all that the peer has sent is read
  bool processing_ = false;
  bool handling_ = false;  // a handler is at work
  bool keep_alive_ = true;
  bool head_begun_ = false;  // bytes of the next request have come
  bool answered_ = false;
  bool stream_chunked_ = false;
  bool closed_ = false;
  bool first_ = true;                        // no byte was looked at yet
  SteadyTime deadline_ = SteadyTime::max();  // for what the peer is to send
  StallWatch stall_;
  Lingering lingering_;
  Probing probing_;
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_CONNECTION_H_

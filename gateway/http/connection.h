#ifndef GATEWAY_HTTP_CONNECTION_H_
#define GATEWAY_HTTP_CONNECTION_H_

#include <sys/uio.h>

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
#include "gateway/http/request_reader.h"
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
  bool ReserveBody(uint64_t bytes) override;
  void Sweep(SteadyTime now) override;
  void Shutdown() override { Close(); }
  void OnReady(bool readable, bool writable, bool hung_up) override;

 protected:
  void Send(Response response) override;
  void SendStreamHead(Response head) override;
  void SendStreamPieces(Pieces pieces) override;
  void SendStreamEnd() override;
  void WhenSent(std::coroutine_handle<> handler) override { waiter_ = handler; }

 private:
  void Receive();
  void Process();
  // Whether the peer speaks HTTP/2, which its first bytes tell; then the connection is handed over.
  bool HandOverIfHttp2();
  // Reads a request on; returns whether there may be more to process.
  bool Advance();
  void BodyBegins();
  Detached Handle();
  void RequestDone();
  void Refuse(const absl::Status& error);

  void Queue(std::string head, Pieces pieces);
  // Hands what it can to the kernel and returns how much that was; closes when that fails.
  size_t SendNow(iovec* iovecs, size_t count);
  void Flush();
  void OnWritable();
  void Close();
  void SetDeadline(std::chrono::milliseconds timeout);
  void ReleaseBody();
  // The status line and all headers, made of what the handler set.
  std::string ResponseHead(Response& response, bool streaming);
  // Gives memory back that the next request would use again.
  void Shrink();
  bool handling() const { return reader_.stage() == RequestReader::Stage::kComplete; }

  std::unique_ptr<Transport> transport_;
  IoThread& io_;
  std::shared_ptr<Connection> self_;  // while the socket is open
  const std::shared_ptr<ServerShared> shared_;

  RequestReader reader_;
  Request request_;
  uint64_t reserved_body_ = 0;

  Pieces out_;
  size_t out_index_ = 0;   // the piece that is being sent
  size_t out_offset_ = 0;  // how much of it is sent
  std::coroutine_handle<> waiter_;
  GoneObserver* gone_observer_ = nullptr;

  bool unread_ = false;   // the socket was not read to its end
  bool hung_up_ = false;  // the peer sends nothing more
  bool processing_ = false;
  bool keep_alive_ = true;
  bool answered_ = false;
  bool stream_chunked_ = false;
  bool closed_ = false;
  bool first_ = true;       // no byte was looked at yet
  bool lingering_ = false;  // the last answer is sent; what still comes is thrown away
  SteadyTime deadline_ = SteadyTime::max();
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_CONNECTION_H_

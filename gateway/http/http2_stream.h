#ifndef GATEWAY_HTTP_HTTP2_STREAM_H_
#define GATEWAY_HTTP_HTTP2_STREAM_H_

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "gateway/http/exchange.h"
#include "gateway/http/http2_connection.h"

namespace ds::http {

// One request of an HTTP/2 connection and its answer. Owned by the connection while the stream is
// open, and by its handler. Belongs to the connection's thread.
class Http2Stream final : public Exchange, public std::enable_shared_from_this<Http2Stream> {
 public:
  Http2Stream(std::shared_ptr<Http2Connection> connection, int32_t id);
  ~Http2Stream() override;

  // The request, as it arrives. Once an error is set the rest of it is dropped.
  void AddHeader(std::string_view name, std::string_view value);
  // A field after the body: it says nothing, and is held to the bounds of headers.
  void DropTrailer(std::string_view name, std::string_view value);
  // A field that HTTP does not allow (RFC 9113 section 8.2.1).
  void RefuseField();
  // All headers are there.
  void FinishHeaders();
  void AddBody(std::string_view bytes);
  // Nothing more of the request will come.
  void EndInput() { input_ended_ = true; }
  bool input_ended() const { return input_ended_; }
  // The answer is sent, and the request has not ended. Whether the rest of it may still come, to be
  // dropped: if it is small, for the sake of clients that take any reset for a failure.
  bool TakesRest(SteadyTime now);
  // True once, when such a rest has not come in time.
  bool RestIsOverdue(SteadyTime now);
  // Goes on with a request whose headers are there, or that was refused: begins to handle it, or
  // gives its body to the handler that waits. Not to be called from nghttp2's callbacks.
  void Advance();
  bool refused() const { return !error_.ok(); }
  bool has_headers() const { return has_headers_; }
  // When the headers began.
  SteadyTime begin() const { return begin_; }
  // To be asked every half second, see IncomingBody.
  absl::Status CheckBody(SteadyTime now) { return body_.Check(now); }
  // Refuses the request, which is answered with the error unless it was answered before. The first
  // counts. Advance must follow.
  void Refuse(absl::Status error);
  // Resets the stream when the client has let no byte of the answer through for longer than
  // `timeout`: its flow control for the stream or the connection is shut.
  void CancelIfStalled(SteadyTime now, std::chrono::milliseconds timeout);

  // The stream is closed, or its connection is.
  void Closed();

  // nghttp2 asks for bytes of the answer: how many were put into `buffer`, or an nghttp2 error.
  ssize_t ReadBody(uint8_t* buffer, size_t size, uint32_t* flags);

  IoThread& io() override;
  Request& request() override { return request_; }
  std::string PeerAddress() const override;
  bool gone() const override { return closed_; }
  void NotifyGone(GoneObserver* observer) override { gone_observer_ = observer; }
  void SendShared(std::span<const SharedPayload* const> chunks) override;
  uint64_t MaxBody() const override { return connection_->shared_->limits.max_body; }
  // More is let through as long as little waits: what is queued goes out at the end of the turn.
  bool sending() const override { return queued_bytes_ >= kMaxQueued && !closed_; }

 protected:
  void Send(Response response) override;
  void SendStreamHead(Response head, std::string_view filler) override;
  void SendStreamPieces(Pieces pieces) override;
  void SendStreamEnd() override;
  void WhenSent(std::coroutine_handle<> handler) override { waiter_ = handler; }
  IncomingBody& body() override { return body_; }
  void BeginBody(uint64_t max_bytes, IncomingBody::Owners owners) override;

 private:
  static constexpr size_t kMaxQueued = 64 << 10;
  static constexpr uint64_t kMaxRest = 64 << 10;
  static constexpr std::chrono::seconds kRestTimeout{5};

  // Bytes that wait for the client's flow control; `holder` keeps them.
  struct Queued {
    std::shared_ptr<const std::string> holder;
    std::string_view bytes;
  };

  // What may be said of a request only once all its headers are there.
  absl::Status CheckHeaders();
  void SubmitContinue();
  void SubmitHead(Response& response, std::optional<size_t> content_length, bool has_body);
  void Queue(Piece piece);
  void Enqueue(Queued queued);
  void Resume();
  Detached Handle();
  void BodyIsOver(absl::Status status);

  const std::shared_ptr<Http2Connection> connection_;
  const int32_t id_;

  Request request_;
  Request::Span scheme_;
  bool has_headers_ = false;  // all of them
  size_t trailer_bytes_ = 0;
  size_t trailers_ = 0;
  absl::Status error_;
  IncomingBody body_;
  const SteadyTime begin_;
  uint64_t content_length_ = 0;  // that was announced
  bool input_ended_ = false;
  bool waits_for_leave_ = false;            // to send the body
  std::optional<SteadyTime> rest_since_{};  // that the rest of it may come and is dropped

  std::deque<Queued> out_;
  size_t queued_bytes_ = 0;
  size_t out_offset_ = 0;  // of the first
  SteadyTime taken_at_;    // when bytes of out_ last went out, or began to wait
  bool is_head_ = false;
  bool ended_ = false;     // nothing is queued after what is
  bool deferred_ = false;  // nghttp2 waits for Resume
  bool begun_ = false;     // to be handled
  bool handled_ = false;   // and done
  bool cancelled_ = false;
  bool closed_ = false;
  std::coroutine_handle<> waiter_;
  GoneObserver* gone_observer_ = nullptr;
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_HTTP2_STREAM_H_

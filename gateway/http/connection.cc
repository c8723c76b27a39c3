#include "gateway/http/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

#include "gateway/http/http2_connection.h"
#include "storage/api/errors.h"

namespace ds::http {
namespace {

// How much a peer may send ahead of the answer that it waits for.
constexpr size_t kMaxPipelined = 64 << 10;
// How often a socket is read before others have their turn: 256 KiB, so that many that send all
// they can do not make the rest wait for megabytes of each.
constexpr int kMaxReads = 4;
// The rest of a body that nobody wants, of this size at most, is read for the connection's sake.
constexpr uint64_t kMaxDropped = 64 << 10;
constexpr char kContinue[] = "HTTP/1.1 100 Continue\r\n\r\n";

void AppendDecimal(uint64_t value, std::string& out) {
  char buffer[20];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

}  // namespace

Connection::Connection(std::unique_ptr<Transport> transport, IoThread& io,
                       std::shared_ptr<ServerShared> shared)
    : transport_(std::move(transport)),
      io_(io),
      shared_(std::move(shared)),
      reader_(shared_->limits) {
  ++shared_->connections;
}

Connection::~Connection() { --shared_->connections; }

void Connection::Start() {
  const int on = 1;
  ::setsockopt(transport_->socket(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  self_ = shared_from_this();
  io_.AddSwept(*this);
  SetDeadline(shared_->timeouts.head);
  if (!io_.Watch(transport_->socket(), *this)) Close();
}

void Connection::OnReady(const Ready& ready) {
  const auto self = shared_from_this();
  hung_up_ |= ready.ended;
  if (!out_.empty() && (ready.writable || transport_->send_wants_readable())) OnWritable();
  if (closed_) return;
  if (ready.readable || (ready.writable && transport_->receive_wants_writable())) Receive();
  // Who lingers has ended its own side, so for it this is no more than the peer's end.
  if (ready.broken && !closed_ && !lingering_.active()) Close();
}

void Connection::SetDeadline(std::chrono::milliseconds timeout) { deadline_ = io_.now() + timeout; }

void Connection::Shrink() {
  out_.Shrink();
  reader_.Shrink();
  if (reader_.stage() == RequestReader::Stage::kHead) request_.Release();
}

void Connection::Sweep(SteadyTime now) {
  const auto self = shared_from_this();
  if (reader_.idle() && out_.empty() && !lingering_.active() && draining()) return Close();
  Shrink();
  if (stall_.Stalled(!out_.empty(), out_.taken(), transport_->socket(), now,
                     shared_->timeouts.write)) {
    return Close();
  }
  if (lingering_.active()) {
    if (lingering_.Over(now, draining())) Close();
    return;
  }
  if (body_.waiting()) {
    const absl::Status status = body_.Check(now);
    if (!status.ok()) BodyIsOver(status);
    return;
  }
  if (peer_ended_) Probe(now);
  if (now < deadline_) return;
  if (handling_ || in_body() || reader_.idle()) return Close();
  Refuse(MakeError(ErrorCode::kRequestTimeout));
}

void Connection::Receive() {
  if (peer_ended_) return;
  for (int reads = 0; !closed_; ++reads) {
    const bool full = handling_ && !body_.waiting() && reader_.unread().size() >= kMaxPipelined;
    unread_ = full || reads == kMaxReads;
    if (unread_) return full ? void() : ReceiveLater();
    const ssize_t size = transport_->Receive(io_.scratch(), IoThread::kScratchSize);
    if (size == 0) {
      peer_ended_ = true;
      return EndInput();
    }
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return Close();
      return;
    }
    const auto count = static_cast<size_t>(size);
    if (lingering_.active()) {
      if (!lingering_.Drop(count, io_.now())) return Close();
      continue;
    }
    reader_.Add({io_.scratch(), count});
    Process();
    // Less than was asked for is the end, and what comes later is news; but of a peer's going away
    // there may have been no news since.
    const bool is_short = count < IoThread::kScratchSize;
    if (is_short && !hung_up_ && (closed_ || transport_->short_receive_means_empty())) return;
  }
}

void Connection::ReceiveLater() {
  io_.Post([self = shared_from_this()] {
    if (!self->closed_ && self->unread_) self->Receive();
  });
}

void Connection::EndInput() {
  if (closed_) return;
  if (body_.waiting()) {
    return BodyIsOver(MakeError(ErrorCode::kBadRequest, "the request breaks off"));
  }
  if (handling_) {
    const bool streaming = answered_ && !filler_.empty();
    probing_.Begin(streaming ? io_.now() : io_.now() + Probing::kFirst);
    return Probe(io_.now());
  }
  if (!lingering_.active() && in_body()) return Linger();
  if (!lingering_.active() && !reader_.idle()) {
    return Refuse(MakeError(ErrorCode::kBadRequest, "the request breaks off"));
  }
  if (out_.empty()) Close();
}

void Connection::Probe(SteadyTime now) {
  if (!handling_ || !out_.empty() || !probing_.Due(now)) return;
  if (answered_) {
    SendStreamPieces({std::string(filler_)});
  } else if (request_.minor_version == 1) {
    // An interim response, which clients have to expect at any time (RFC 9110 section 15.2).
    Queue(kContinue, {});
  }
}

void Connection::Process() {
  if (processing_) return;
  if (first_ && HandOverIfHttp2()) return;
  processing_ = true;
  while (!closed_ && !lingering_.active() && (!handling_ || body_.waiting()) && Advance()) {
  }
  processing_ = false;
}

bool Connection::HandOverIfHttp2() {
  const std::string_view preface = Http2Connection::kPreface;
  const std::string_view in = reader_.unread();
  const size_t size = std::min(in.size(), preface.size());
  if (in.substr(0, size) != preface.substr(0, size)) {
    first_ = false;
    return false;
  }
  if (size < preface.size()) return true;  // it may become one
  const auto self = shared_from_this();
  io_.RemoveSwept(*this);
  io_.Unwatch(transport_->socket(), *this);
  closed_ = true;
  self_.reset();
  Http2Connection::Start(std::move(transport_), io_, shared_, reader_.TakeUnread());
  return true;
}

bool Connection::Advance() {
  if (handling_) return AdvanceBody();
  if (in_body()) return DropBody();
  const absl::StatusOr<bool> advanced = reader_.Advance(request_);
  if (!advanced.ok()) {
    Refuse(advanced.status());
    return false;
  }
  if (!*advanced) {
    const bool head_begins = !reader_.idle() && !std::exchange(head_begun_, true);
    if (head_begins) SetDeadline(shared_->timeouts.head);
    return false;
  }
  keep_alive_ = reader_.framing().keep_alive;
  request_.secure = transport_->secure();
  Handle();
  return true;
}

void Connection::BeginBody(uint64_t max_bytes, IncomingBody::Owners owners) {
  body_.Begin(max_bytes, owners, io_.now());
  if (closed_) return BodyIsOver(ClientGone());
  if (!in_body()) return BodyIsOver(absl::OkStatus());
  const Framing& framing = reader_.framing();
  if (!framing.chunked && framing.content_length > max_bytes) {
    return BodyIsOver(MakeError(ErrorCode::kPayloadTooLarge));
  }
  if (AdvanceBody()) return;
  if (peer_ended_) {
    return BodyIsOver(MakeError(ErrorCode::kBadRequest, "the request breaks off"));
  }
  if (framing.expects_continue && request_.body.empty()) Queue(kContinue, {});
  if (unread_) ReceiveLater();
}

bool Connection::AdvanceBody() {
  if (reader_.unread().empty()) return false;
  const absl::StatusOr<bool> advanced = reader_.Advance(request_);
  // What has arrived counts, not what was announced: announcing costs a client nothing.
  absl::Status status =
      advanced.ok() ? body_.Arrived(request_.body.size(), io_.now()) : advanced.status();
  if (status.ok() && !*advanced) return false;
  BodyIsOver(std::move(status));
  return true;
}

void Connection::BodyIsOver(absl::Status status) {
  if (!status.ok()) {
    keep_alive_ = false;
    request_.body = std::string();
  }
  if (const std::coroutine_handle<> handler = body_.Finish(std::move(status))) handler.resume();
}

bool Connection::CanDropBody() {
  if (!body_.status().ok() || peer_ended_) return false;
  if (!reader_.unread().empty()) {
    const absl::StatusOr<bool> advanced = reader_.Advance(request_);
    if (!advanced.ok() || *advanced) return advanced.ok();
  }
  const Framing& framing = reader_.framing();
  // Who waits for leave to send it may well not send it now.
  return !framing.chunked && !framing.expects_continue && framing.content_length <= kMaxDropped;
}

bool Connection::DropBody() {
  if (reader_.unread().empty()) return false;
  const absl::StatusOr<bool> advanced = reader_.Advance(request_);
  if (!advanced.ok()) Linger();
  if (!advanced.ok() || !*advanced) return false;
  NextRequest();
  return true;
}

Detached Connection::Handle() {
  const auto self = shared_from_this();
  handling_ = true;
  answered_ = false;
  filler_ = {};
  deadline_ = SteadyTime::max();
  (void)co_await shared_->handler->Handle(*this);
  RequestDone();
}

void Connection::RequestDone() {
  gone_observer_ = nullptr;
  handling_ = false;
  body_.Reset();
  if (closed_) return;
  if (!answered_ || !keep_alive_) return Linger();
  if (in_body()) {
    SetDeadline(shared_->timeouts.body);
  } else {
    NextRequest();
  }
  if (processing_) return;
  Process();
  if (closed_) return;
  if (peer_ended_) return EndInput();
  if (unread_) Receive();
}

void Connection::NextRequest() {
  request_.Clear();
  reader_.Next();
  head_begun_ = !reader_.idle();
  SetDeadline(head_begun_ ? shared_->timeouts.head : shared_->timeouts.idle);
}

void Connection::Refuse(const absl::Status& error) {
  keep_alive_ = false;
  Send(shared_->handler->Refuse(*this, error));
  request_.Release();
  if (!closed_) Linger();
}

void Connection::Linger() {
  lingering_.Begin(io_.now());
  reader_.Drop();
  request_.Release();
  if (out_.empty()) AllSent();
  if (!closed_ && unread_) Receive();
}

void Connection::AllSent() {
  if (lingering_.active()) {
    transport_->EndSending();
    if (peer_ended_) return Close();
  }
  if (waiter_) std::exchange(waiter_, {}).resume();
}

std::string Connection::ResponseHead(Response& response, bool streaming) {
  const bool last = peer_ended_ && reader_.unread().empty();
  if (last || draining() || (in_body() && !CanDropBody())) keep_alive_ = false;
  std::array<char, 192> begin;
  char* end = begin.data();
  for (const std::string_view part :
       {std::string_view("HTTP/1.1 "), StatusText(response.status), std::string_view("\r\nDate: "),
        io_.date(), std::string_view("\r\nServer: durable-streams\r\n")}) {
    end = std::copy(part.begin(), part.end(), end);
  }
  std::string head = std::move(response.headers);
  head.insert(0, begin.data(), static_cast<size_t>(end - begin.data()));
  if (streaming) {
    stream_chunked_ = request_.minor_version == 1;
    if (stream_chunked_) {
      head.append("Transfer-Encoding: chunked\r\n");
    } else {
      keep_alive_ = false;
    }
  } else if (HasLength(response, request_.method() == "HEAD")) {
    head.append("Content-Length: ");
    AppendDecimal(TotalSize(response.body), head);
    head.append("\r\n");
  }
  if (!keep_alive_) head.append("Connection: close\r\n");
  head.append("\r\n");
  return head;
}

void Connection::Send(Response response) {
  answered_ = true;
  std::string head = ResponseHead(response, /*streaming=*/false);
  const bool bodiless = HasNoBody(response.status) || request_.method() == "HEAD";
  Queue(std::move(head), bodiless ? Pieces() : std::move(response.body));
}

void Connection::SendStreamHead(Response response, std::string_view filler) {
  answered_ = true;
  filler_ = filler;
  std::string head = ResponseHead(response, /*streaming=*/true);
  Queue(std::move(head), {});
}

void Connection::SendStreamPieces(Pieces pieces) {
  const size_t size = TotalSize(pieces);
  if (size == 0) return;
  if (!stream_chunked_) return Queue({}, std::move(pieces));
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, size, 16).ptr;
  pieces.emplace_back(std::string("\r\n"));
  Queue(std::string(digits, end) + "\r\n", std::move(pieces));
}

void Connection::SendStreamEnd() {
  if (stream_chunked_) Queue("0\r\n\r\n", {});
}

void Connection::SendShared(std::span<const SharedPayload* const> chunks) {
  if (!closed_ && !out_.SendShared(*transport_, chunks, stream_chunked_)) Close();
}

void Connection::Queue(std::string head, Pieces pieces) {
  if (!closed_ && !out_.Send(*transport_, std::move(head), std::move(pieces))) Close();
}

void Connection::OnWritable() {
  if (!out_.Flush(*transport_)) return Close();
  if (out_.empty()) AllSent();
}

void Connection::Close() {
  if (closed_) return;
  const auto self = shared_from_this();
  closed_ = true;
  self_.reset();
  io_.RemoveSwept(*this);
  io_.Unwatch(transport_->socket(), *this);
  transport_.reset();
  // The handler learns of it in a turn of its own: it may be the one that is calling.
  if (gone_observer_ != nullptr) {
    io_.Post([self] {
      GoneObserver* const observer = std::exchange(self->gone_observer_, nullptr);
      if (observer != nullptr) observer->OnGone();
    });
  }
  if (waiter_) io_.Resume(std::exchange(waiter_, {}));
  if (body_.waiting()) {
    if (const auto handler = body_.Finish(ClientGone())) io_.Resume(handler);
  }
}

}  // namespace ds::http

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
constexpr size_t kMaxIovecs = 64;
// How long an error's last bytes may take to be read before the socket is reset.
constexpr std::chrono::milliseconds kLinger{1'000};

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

Connection::~Connection() {
  ReleaseBody();
  --shared_->connections;
}

void Connection::Start() {
  const int on = 1;
  ::setsockopt(transport_->socket(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  self_ = shared_from_this();
  io_.AddSwept(*this);
  SetDeadline(shared_->timeouts.head);
  if (!io_.Watch(transport_->socket(), *this)) Close();
}

void Connection::OnReady(bool readable, bool writable, bool hung_up) {
  const auto self = shared_from_this();
  hung_up_ |= hung_up;
  if (!out_.empty() && (writable || transport_->send_wants_readable())) OnWritable();
  if (closed_) return;
  if (readable || (writable && transport_->receive_wants_writable())) Receive();
}

void Connection::SetDeadline(std::chrono::milliseconds timeout) { deadline_ = io_.now() + timeout; }

void Connection::Shrink() {
  if (out_.empty()) Pieces().swap(out_);
  reader_.Shrink();
  if (reader_.stage() == RequestReader::Stage::kHead) request_.Release();
}

void Connection::Sweep(SteadyTime now) {
  const auto self = shared_from_this();
  const bool idle = reader_.idle() && out_.empty() && !lingering_;
  if (idle && shared_->draining.load(std::memory_order_relaxed)) return Close();
  Shrink();
  if (now < deadline_) return;
  const bool unfinished_request = !lingering_ && out_.empty() && !handling() && !reader_.idle();
  if (unfinished_request) return Refuse(MakeError(ErrorCode::kRequestTimeout));
  Close();
}

void Connection::Receive() {
  while (!closed_) {
    if (handling() && reader_.unread().size() >= kMaxPipelined) {
      unread_ = true;
      return;
    }
    unread_ = false;
    const ssize_t size = transport_->Receive(io_.scratch(), IoThread::kScratchSize);
    if (size == 0) return Close();
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return Close();
      return;
    }
    if (lingering_) continue;
    reader_.Add({io_.scratch(), static_cast<size_t>(size)});
    Process();
    // Less than was asked for is the end, and what comes later is news; but of a peer's going away
    // there may have been no news since.
    const bool is_short = static_cast<size_t>(size) < IoThread::kScratchSize;
    if (is_short && !hung_up_ && (closed_ || transport_->short_receive_means_empty())) return;
  }
}

void Connection::Process() {
  if (processing_) return;
  if (first_ && HandOverIfHttp2()) return;
  processing_ = true;
  while (!closed_ && !lingering_) {
    if (handling() || !Advance()) break;
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
  const bool in_body = reader_.stage() == RequestReader::Stage::kBody;
  if (in_body && reader_.unread().empty()) return false;
  const absl::StatusOr<bool> advanced = reader_.Advance(request_);
  if (!advanced.ok()) {
    Refuse(advanced.status());
    return false;
  }
  if (in_body) {
    SetDeadline(shared_->timeouts.body);
    // What has arrived counts, not what was announced: announcing costs a client nothing.
    if (!ReserveBody(request_.body.size())) {
      Refuse(MakeError(ErrorCode::kOverloaded, "too many request bodies are arriving"));
      return false;
    }
  }
  if (!*advanced) {
    const bool head_begins = !in_body && deadline_ == SteadyTime::max() && !reader_.idle();
    if (head_begins) SetDeadline(shared_->timeouts.head);
    return false;
  }
  if (!in_body) {
    keep_alive_ = reader_.framing().keep_alive;
    request_.secure = transport_->secure();
  }
  if (handling()) {
    Handle();
  } else {
    BodyBegins();
  }
  return true;
}

void Connection::BodyBegins() {
  if (reader_.framing().expects_continue && !reader_.has_whole_body()) {
    Queue("HTTP/1.1 100 Continue\r\n\r\n", {});
  }
  SetDeadline(shared_->timeouts.body);
}

Detached Connection::Handle() {
  const auto self = shared_from_this();
  answered_ = false;
  deadline_ = SteadyTime::max();
  (void)co_await shared_->handler->Handle(*this);
  RequestDone();
}

void Connection::RequestDone() {
  gone_observer_ = nullptr;
  ReleaseBody();
  request_.Clear();
  reader_.Next();
  if (closed_) return;
  if (!answered_ || !keep_alive_) {
    // What the peer still sends is read and dropped, so that the answer is not lost to a reset.
    lingering_ = true;
    reader_.Drop();
    transport_->EndSending();
    SetDeadline(kLinger);
    if (unread_) Receive();
    return;
  }
  if (reader_.idle()) {
    SetDeadline(shared_->timeouts.idle);
  } else {
    SetDeadline(shared_->timeouts.head);
  }
  if (processing_) return;
  Process();
  if (unread_) Receive();
}

void Connection::Refuse(const absl::Status& error) {
  keep_alive_ = false;
  Response response = shared_->handler->Refuse(*this, error);
  Send(std::move(response));
  lingering_ = true;
  ReleaseBody();
  reader_.Drop();
  if (closed_) return;
  if (out_.empty()) transport_->EndSending();
  SetDeadline(kLinger);
}

std::string Connection::ResponseHead(Response& response, bool streaming) {
  if (shared_->draining.load(std::memory_order_relaxed)) keep_alive_ = false;
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

void Connection::SendStreamHead(Response response) {
  answered_ = true;
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
  while (!chunks.empty() && out_.empty() && !closed_) {
    std::array<iovec, kMaxIovecs> iovecs;
    const size_t count = std::min(chunks.size(), kMaxIovecs);
    size_t size = 0;
    for (size_t i = 0; i < count; ++i) {
      const std::string_view bytes =
          stream_chunked_ ? std::string_view(*chunks[i]->framed()) : chunks[i]->payload();
      iovecs[i] = {const_cast<char*>(bytes.data()), bytes.size()};
      size += bytes.size();
    }
    size_t sent = SendNow(iovecs.data(), count);
    if (closed_) return;
    if (sent < size) {
      size_t whole = 0;
      while (sent >= iovecs[whole].iov_len) sent -= iovecs[whole++].iov_len;
      chunks = chunks.subspan(whole);
      out_offset_ = sent;
      break;
    }
    chunks = chunks.subspan(count);
  }
  if (closed_) return;
  for (const SharedPayload* const chunk : chunks) {
    if (stream_chunked_) {
      out_.emplace_back(chunk->framed());
    } else {
      out_.emplace_back(std::string(chunk->payload()));
    }
  }
}

size_t Connection::SendNow(iovec* iovecs, size_t count) {
  while (true) {
    const ssize_t sent = transport_->Send(iovecs, count);
    if (sent >= 0) return static_cast<size_t>(sent);
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      SetDeadline(shared_->timeouts.write);
    } else {
      Close();
    }
    return 0;
  }
}

void Connection::Queue(std::string head, Pieces pieces) {
  if (closed_) return;
  const bool idle = out_.empty();
  if (idle && pieces.empty()) {
    // Most answers are one piece that the kernel takes at once.
    iovec whole{head.data(), head.size()};
    const size_t sent = SendNow(&whole, 1);
    if (sent == head.size() || closed_) return;
    out_offset_ = sent;
    out_.emplace_back(std::move(head));
    return Flush();
  }
  if (!head.empty()) out_.emplace_back(std::move(head));
  for (Piece& piece : pieces) out_.push_back(std::move(piece));
  if (idle) Flush();
}

void Connection::Flush() {
  while (out_index_ < out_.size()) {
    std::array<iovec, kMaxIovecs> iovecs;
    size_t count = 0;
    size_t offset = out_offset_;
    for (size_t i = out_index_; i < out_.size() && count < kMaxIovecs; ++i) {
      const std::string_view bytes = out_[i].view().substr(offset);
      offset = 0;
      if (bytes.empty()) continue;
      iovecs[count++] = {const_cast<char*>(bytes.data()), bytes.size()};
    }
    if (count == 0) break;
    size_t sent = SendNow(iovecs.data(), count);
    if (sent == 0) return;
    while (out_index_ < out_.size()) {
      const size_t left = out_[out_index_].view().size() - out_offset_;
      if (sent < left) {
        out_offset_ += sent;
        break;
      }
      sent -= left;
      out_offset_ = 0;
      ++out_index_;
    }
  }
  out_.clear();
  out_index_ = 0;
  out_offset_ = 0;
}

void Connection::OnWritable() {
  if (closed_) return;
  Flush();
  if (closed_ || !out_.empty()) return;
  if (handling()) deadline_ = SteadyTime::max();
  if (lingering_) {
    transport_->EndSending();
    SetDeadline(kLinger);
  }
  if (waiter_) std::exchange(waiter_, {}).resume();
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
}

bool Connection::ReserveBody(uint64_t bytes) {
  if (bytes <= reserved_body_) return true;
  const uint64_t more = bytes - reserved_body_;
  if (shared_->buffered_bytes.fetch_add(more) + more > shared_->max_buffered_bytes) {
    shared_->buffered_bytes.fetch_sub(more);
    return false;
  }
  reserved_body_ = bytes;
  return true;
}

void Connection::ReleaseBody() {
  shared_->buffered_bytes.fetch_sub(std::exchange(reserved_body_, 0));
}

}  // namespace ds::http

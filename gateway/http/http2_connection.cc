#include "gateway/http/http2_connection.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/limited_log.h"
#include "base/turn.h"
#include "gateway/http/http2_stream.h"
#include "storage/api/errors.h"

namespace ds::http {
namespace {

// What a client may send of bodies before it is told that they were taken.
constexpr int32_t kStreamWindow = 1 << 20;
constexpr int32_t kConnectionWindow = 4 << 20;
// Serialized bytes that wait for the socket.
constexpr size_t kMaxOut = 128 << 10;
// How often a socket is read before others have their turn: 256 KiB, so that many that send all
// they can do not make the rest wait for megabytes of each.
constexpr int kMaxReads = 4;

}  // namespace

std::shared_ptr<Http2Connection> Http2Connection::Start(std::unique_ptr<Transport> transport,
                                                        IoThread& io,
                                                        std::shared_ptr<ServerShared> shared,
                                                        std::string received) {
  const std::shared_ptr<Http2Connection> connection(
      new Http2Connection(std::move(transport), io, std::move(shared)));
  connection->Begin(std::move(received));
  return connection;
}

Http2Connection::Http2Connection(std::unique_ptr<Transport> transport, IoThread& io,
                                 std::shared_ptr<ServerShared> shared)
    : transport_(std::move(transport)),
      io_(io),
      shared_(std::move(shared)),
      control_budget_(shared_->http2.control_burst),
      budget_at_(io.now()),
      idle_since_(io.now()) {
  ++shared_->connections;
  ++shared_->http2_connections;
}

Http2Connection::~Http2Connection() {
  nghttp2_session_del(session_);
  --shared_->http2_connections;
  --shared_->connections;
}

nghttp2_session_callbacks* Http2Connection::Callbacks() {
  static nghttp2_session_callbacks* const callbacks = [] {
    nghttp2_session_callbacks* made = nullptr;
    nghttp2_session_callbacks_new(&made);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, OnBeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(made, OnHeader);
    nghttp2_session_callbacks_set_on_invalid_header_callback(made, OnInvalidHeader);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, OnFrame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, OnData);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, OnSent);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, OnStreamClose);
    return made;
  }();
  return callbacks;
}

void Http2Connection::Begin(std::string received) {
  self_ = shared_from_this();
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_max_settings(option, 32);
  nghttp2_option_set_max_outbound_ack(option, 1'000);
  nghttp2_option_set_max_continuations(option, 8);
  nghttp2_option_set_stream_reset_rate_limit(
      option, static_cast<uint64_t>(shared_->http2.control_burst),
      static_cast<uint64_t>(std::max(1.0, shared_->http2.control_per_second)));
  nghttp2_session_server_new2(&session_, Callbacks(), this, option);
  nghttp2_option_del(option);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, shared_->http2.max_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(shared_->limits.max_head)},
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
  io_.AddSwept(*this);
  if (!io_.Watch(transport_->socket(), *this)) return Close();
  if (Take(received)) Receive();
}

void Http2Connection::OnReady(const Ready& ready) {
  const auto self = shared_from_this();
  if (ready.writable || transport_->send_wants_readable()) Flush();
  if (closed_) return;
  if (ready.readable || (ready.writable && transport_->receive_wants_writable())) Receive();
  // Who lingers has ended its own side, so for it this is no more than the peer's end.
  if (ready.broken && !closed_ && !lingering_.active()) Close();
}

// A peer that sends requests and does not take the answers, or that begins requests faster than
// they are handled, is not read from.
bool Http2Connection::reading_paused() const {
  return out_.size() - out_offset_ >= kMaxOut || handling_ >= 2 * shared_->http2.max_streams;
}

void Http2Connection::Receive() {
  const auto self = shared_from_this();
  if (peer_ended_) return;
  for (int reads = 0; !closed_; ++reads) {
    const bool paused = reading_paused() && !lingering_.active();
    unread_ = paused || reads == kMaxReads;
    if (unread_) return paused ? void() : ReceiveLater();
    const ssize_t size = transport_->Receive(io_.scratch(), IoThread::kScratchSize);
    if (size == 0) {
      peer_ended_ = true;
      return EndInput();
    }
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) Close();
      return;
    }
    const auto count = static_cast<size_t>(size);
    if (lingering_.active()) {
      if (!lingering_.Drop(count, io_.now())) return Close();
    } else if (!Take({io_.scratch(), count})) {
      return;
    }
  }
}

void Http2Connection::ReceiveLater() {
  // In a turn of its own, too, because this may be within receiving.
  io_.Post([self = shared_from_this()] {
    if (!self->closed_ && self->unread_) self->Receive();
  });
}

void Http2Connection::EndInput() {
  if (lingering_.active()) return Close();
  std::vector<std::shared_ptr<Http2Stream>> unfinished;
  for (const auto& [id, stream] : streams_) {
    // Without all headers there is nothing to answer, and nothing else may come in between.
    if (!stream->has_headers()) return Close();
    if (!stream->input_ended()) unfinished.push_back(stream);
  }
  for (const auto& stream : unfinished) {
    stream->Refuse(MakeError(ErrorCode::kBadRequest, "the request breaks off"));
    stream->Advance();
  }
  probing_.Begin(io_.now());
  FlushSoon();
}

bool Http2Connection::Take(std::string_view bytes) {
  const auto self = shared_from_this();
  taking_ = true;
  const ssize_t used = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  taking_ = false;
  std::vector<std::shared_ptr<Http2Stream>> ready;
  ready.swap(ready_);
  for (const auto& stream : ready) stream->Advance();
  if (closed_) return false;
  // A peer that broke the protocol is told so, as nghttp2 has queued.
  FlushSoon();
  if (used < 0) {
    Flush();
    Close();
    return false;
  }
  return true;
}

void Http2Connection::FlushSoon() {
  if (closed_ || std::exchange(flush_planned_, true)) return;
  Turn::AtEnd([self = shared_from_this()] {
    self->flush_planned_ = false;
    self->Flush();
  });
}

void Http2Connection::Flush() {
  const auto self = shared_from_this();
  if (taking_) return FlushSoon();
  if (closed_ || lingering_.active()) return;
  if (!SendOut()) return Close();
  const bool all_sent = out_offset_ == out_.size() && nghttp2_session_want_write(session_) == 0;
  if (all_sent && peer_ended_ && streams_.empty()) return Linger();
  if (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0) {
    return flooded_ ? Close() : Linger();
  }
  if (unread_ && !reading_paused()) ReceiveLater();
}

bool Http2Connection::SendOut() {
  while (true) {
    while (out_.size() - out_offset_ < kMaxOut) {
      const uint8_t* data = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &data);
      if (size < 0) return false;
      if (size == 0) break;
      out_.append(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
    }
    if (out_offset_ == out_.size()) return true;
    const iovec bytes{out_.data() + out_offset_, out_.size() - out_offset_};
    const ssize_t sent = transport_->Send(&bytes, 1);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK;
    }
    taken_ += static_cast<size_t>(sent);
    out_offset_ += static_cast<size_t>(sent);
    if (out_offset_ == out_.size()) {
      out_.clear();
      out_offset_ = 0;
    } else if (out_offset_ > kMaxOut) {
      out_.erase(0, std::exchange(out_offset_, 0));
    }
  }
}

void Http2Connection::Sweep(SteadyTime now) {
  const auto self = shared_from_this();
  const bool draining = shared_->draining.load(std::memory_order_relaxed);
  if (lingering_.active()) {
    if (lingering_.Over(now, draining)) Close();
    return;
  }
  if (out_.empty()) std::string().swap(out_);
  if (stall_.Stalled(!out_.empty(), taken_, transport_->socket(), now, shared_->timeouts.write)) {
    return Close();
  }
  SweepStreams(now);
  if (closed_) return;
  if (!streams_.empty()) idle_since_ = now;
  if ((draining || now - idle_since_ > shared_->timeouts.idle) && !goaway_sent_) {
    goaway_sent_ = true;
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                          nullptr, 0);
  }
  if (peer_ended_ && probing_.Due(now)) {
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  }
  Flush();
  if (closed_ || lingering_.active()) return;
  if (goaway_sent_ && streams_.empty() && out_.empty()) Linger();
}

void Http2Connection::SweepStreams(SteadyTime now) {
  std::vector<std::shared_ptr<Http2Stream>> late;
  for (const auto& [id, stream] : streams_) {
    // Without all headers there is nothing to answer, and nothing else may come in between.
    if (!stream->has_headers() && now - stream->begin() > shared_->timeouts.head) return Close();
    stream->CancelIfStalled(now, shared_->timeouts.write);
    if (stream->RestIsOverdue(now)) {
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
    }
    const absl::Status checked = stream->CheckBody(now);
    if (checked.ok()) continue;
    stream->Refuse(checked);
    late.push_back(stream);
  }
  for (const auto& stream : late) stream->Advance();
}

void Http2Connection::Linger() {
  DropStreams();
  lingering_.Begin(io_.now());
  transport_->EndSending();
  if (peer_ended_) return Close();
  if (unread_) ReceiveLater();
}

void Http2Connection::DropStreams() {
  std::unordered_map<int32_t, std::shared_ptr<Http2Stream>> streams;
  streams.swap(streams_);
  for (const auto& [id, stream] : streams) stream->Closed();
  ready_.clear();
}

void Http2Connection::Close() {
  if (closed_) return;
  const auto self = shared_from_this();
  closed_ = true;
  self_.reset();
  io_.RemoveSwept(*this);
  io_.Unwatch(transport_->socket(), *this);
  DropStreams();
  transport_.reset();
}

bool Http2Connection::Spend(double cost) {
  const Http2Limits& limits = shared_->http2;
  const SteadyTime now = io_.now();
  control_budget_ =
      std::min(limits.control_burst,
               control_budget_ + limits.control_per_second *
                                     std::chrono::duration<double>(now - budget_at_).count());
  budget_at_ = now;
  control_budget_ -= cost;
  if (control_budget_ >= 0) return true;
  if (!goaway_sent_) {
    ++shared_->http2_floods;
    static LogLimit limit;
    LogLimited(limit, spdlog::level::warn,
               "an HTTP/2 client sent too many control frames; its connection ends");
  }
  goaway_sent_ = true;
  flooded_ = true;
  nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
  return false;
}

Http2Stream* Http2Connection::Find(int32_t id) {
  const auto it = streams_.find(id);
  return it == streams_.end() ? nullptr : it->second.get();
}

int Http2Connection::OnBeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
  auto& self = *static_cast<Http2Connection*>(user_data);
  if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  const int32_t id = frame->hd.stream_id;
  self.streams_[id] = std::make_shared<Http2Stream>(self.shared_from_this(), id);
  return 0;
}

int Http2Connection::OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                              size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                              void* user_data) {
  auto& self = *static_cast<Http2Connection*>(user_data);
  Http2Stream* const stream = self.Find(frame->hd.stream_id);
  if (stream == nullptr) return 0;
  const std::string_view name_text(reinterpret_cast<const char*>(name), name_size);
  const std::string_view value_text(reinterpret_cast<const char*>(value), value_size);
  if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    stream->AddHeader(name_text, value_text);
  } else {
    stream->DropTrailer(name_text, value_text);
  }
  return 0;
}

// nghttp2 would leave the field out and go on; another on the way may not have.
int Http2Connection::OnInvalidHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t*,
                                     size_t, const uint8_t*, size_t, uint8_t, void* user_data) {
  auto& self = *static_cast<Http2Connection*>(user_data);
  if (Http2Stream* const stream = self.Find(frame->hd.stream_id)) stream->RefuseField();
  return 0;
}

int Http2Connection::OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
  auto& self = *static_cast<Http2Connection*>(user_data);
  const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
      break;
    case NGHTTP2_WINDOW_UPDATE:
      // What a client that reads has to send, in proportion to what it reads.
      self.Spend(0.02);
      return 0;
    case NGHTTP2_SETTINGS:
    case NGHTTP2_PING:
      if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) self.Spend(1);
      return 0;
    default:
      self.Spend(1);
      return 0;
  }
  if (frame->hd.type == NGHTTP2_DATA && frame->hd.length == 0 && !ends && !self.Spend(1)) return 0;
  Http2Stream* const stream = self.Find(frame->hd.stream_id);
  if (stream == nullptr) return 0;
  const bool is_request =
      frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
  if (is_request) stream->FinishHeaders();
  if (ends) stream->EndInput();
  if (is_request || ends) self.ready_.push_back(stream->shared_from_this());
  return 0;
}

int Http2Connection::OnData(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                            void* user_data) {
  auto& self = *static_cast<Http2Connection*>(user_data);
  Http2Stream* const stream = self.Find(id);
  if (stream == nullptr || stream->refused()) return 0;
  stream->AddBody({reinterpret_cast<const char*>(data), size});
  if (stream->refused()) self.ready_.push_back(stream->shared_from_this());
  return 0;
}

int Http2Connection::OnSent(nghttp2_session* session, const nghttp2_frame* frame, void* user_data) {
  auto& self = *static_cast<Http2Connection*>(user_data);
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
  // Of a request that was answered before its end, the rest need not come (RFC 9113 section 8.1).
  Http2Stream* const stream = self.Find(frame->hd.stream_id);
  if (stream != nullptr && !stream->input_ended() && !stream->TakesRest(self.io_.now())) {
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
  }
  return 0;
}

int Http2Connection::OnStreamClose(nghttp2_session*, int32_t id, uint32_t, void* user_data) {
  auto& self = *static_cast<Http2Connection*>(user_data);
  const auto it = self.streams_.find(id);
  if (it == self.streams_.end()) return 0;
  const std::shared_ptr<Http2Stream> stream = std::move(it->second);
  self.streams_.erase(it);
  stream->Closed();
  return 0;
}

}  // namespace ds::http

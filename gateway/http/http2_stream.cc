#include "gateway/http/http2_stream.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "gateway/http/authority.h"
#include "gateway/limits/client_address.h"
#include "storage/api/errors.h"

namespace ds::http {
namespace {

nghttp2_nv Pair(std::string_view name, std::string_view value) {
  // nghttp2 copies both, and wants them without const.
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NONE};
}

// Field names are in lower case in HTTP/2 (RFC 9113 section 8.2.1).
void LowerNames(std::string& lines, std::vector<nghttp2_nv>& fields) {
  for (size_t begin = 0; begin < lines.size();) {
    const size_t colon = lines.find(':', begin);
    const size_t end = lines.find("\r\n", begin);
    for (size_t i = begin; i < colon; ++i) {
      if (lines[i] >= 'A' && lines[i] <= 'Z') lines[i] = static_cast<char>(lines[i] + 32);
    }
    const std::string_view all(lines);
    fields.push_back(
        Pair(all.substr(begin, colon - begin), all.substr(colon + 2, end - colon - 2)));
    begin = end + 2;
  }
}

ssize_t ReadFromStream(nghttp2_session*, int32_t, uint8_t* buffer, size_t size, uint32_t* flags,
                       nghttp2_data_source* source, void*) {
  return static_cast<Http2Stream*>(source->ptr)->ReadBody(buffer, size, flags);
}

}  // namespace

Http2Stream::Http2Stream(std::shared_ptr<Http2Connection> connection, int32_t id)
    : connection_(std::move(connection)),
      id_(id),
      body_(*connection_->shared_),
      begin_(connection_->io_.now()) {
  ++connection_->shared_->http2_streams;
}

Http2Stream::~Http2Stream() { --connection_->shared_->http2_streams; }

IoThread& Http2Stream::io() { return connection_->io_; }

std::string Http2Stream::PeerAddress() const {
  return closed_ ? std::string() : PeerAddressOf(connection_->transport_->socket());
}

void Http2Stream::Refuse(absl::Status error) {
  if (error_.ok()) error_ = std::move(error);
  if (!handled_) request_.body = std::string();
}

void Http2Stream::AddHeader(std::string_view name, std::string_view value) {
  if (refused()) return;
  const Limits& limits = connection_->shared_->limits;
  if (request_.head().size() + name.size() + value.size() > limits.max_head ||
      request_.header_count() >= limits.max_headers) {
    return Refuse(MakeError(ErrorCode::kHeadersTooLarge));
  }
  if (!name.starts_with(':')) {
    const Request::Span where = request_.Append(name);
    request_.AddHeader(where, request_.Append(value));
  } else if (name == ":method") {
    request_.set_method(request_.Append(value));
  } else if (name == ":path") {
    if (value.size() > limits.max_request_line) return Refuse(MakeError(ErrorCode::kUriTooLong));
    request_.set_target(request_.Append(value));
  } else if (name == ":scheme") {
    scheme_ = request_.Append(value);
  } else if (name == ":authority") {
    request_.set_authority(request_.Append(value));
  }
}

void Http2Stream::DropTrailer(std::string_view name, std::string_view value) {
  if (refused()) return;
  const Limits& limits = connection_->shared_->limits;
  trailer_bytes_ += name.size() + value.size();
  if (trailer_bytes_ > limits.max_head || ++trailers_ > limits.max_headers) {
    Refuse(MakeError(ErrorCode::kHeadersTooLarge, "the trailers are too large"));
  }
}

void Http2Stream::RefuseField() { Refuse(MakeError(ErrorCode::kBadRequest, "malformed field")); }

absl::Status Http2Stream::CheckHeaders() {
  const std::string_view host = request_.Find("host").value_or("");
  const std::string_view authority = request_.authority();
  if (!authority.empty() && !IsValidAuthority(authority)) {
    return MakeError(ErrorCode::kBadRequest, "malformed :authority");
  }
  if (!host.empty()) {
    if (!IsValidAuthority(host)) return MakeError(ErrorCode::kBadRequest, "malformed Host");
    if (authority.empty()) {
      request_.set_authority(*request_.Locate(host));
    } else if (!SameAuthority(host, authority, request_.View(scheme_))) {
      // One of them is a lie (RFC 9113 section 8.3.1).
      return MakeError(ErrorCode::kBadRequest, "Host and :authority differ");
    }
  }
  if (const auto expect = request_.Find("expect");
      expect && !EqualsIgnoringCase(*expect, "100-continue")) {
    return MakeError(ErrorCode::kExpectationFailed);
  }
  if (content_length_ > connection_->shared_->limits.max_body) {
    return MakeError(ErrorCode::kPayloadTooLarge);
  }
  return absl::OkStatus();
}

void Http2Stream::FinishHeaders() {
  has_headers_ = true;
  request_.secure = connection_->transport_->secure();
  is_head_ = request_.method() == "HEAD";
  const std::string_view length = request_.Find("content-length").value_or("");
  std::from_chars(length.data(), length.data() + length.size(), content_length_);
  waits_for_leave_ = request_.Find("expect").has_value();
  if (refused()) return;
  // A client may have split it to compress it better (RFC 9113 section 8.2.3).
  request_.Join("cookie", "; ");
  const absl::Status checked = CheckHeaders();
  if (!checked.ok()) Refuse(checked);
}

void Http2Stream::AddBody(std::string_view bytes) {
  if (refused() || handled_ || bytes.empty()) return;
  const uint64_t size = request_.body.size() + bytes.size();
  if (size > connection_->shared_->limits.max_body) {
    return Refuse(MakeError(ErrorCode::kPayloadTooLarge));
  }
  // While it is asked whether the request may go on, whoever has the connection answers for it.
  const auto peer = [this] {
    const std::string address = PeerAddress();
    return BodyOwners{ClientAddressKey(address).value_or(address), {}};
  };
  const absl::Status status = body_.Arrived(size, peer, connection_->io_.now());
  if (!status.ok()) return Refuse(status);
  if (request_.body.capacity() < size) {
    request_.body.reserve(std::max<uint64_t>(std::min(content_length_, 2 * size), size));
  }
  request_.body.append(bytes);
}

void Http2Stream::Advance() {
  if (closed_) return;
  if (!begun_) {
    Handle();
  } else if (body_.waiting() && (refused() || input_ended_)) {
    BodyIsOver(error_);
  }
}

void Http2Stream::BeginBody(uint64_t max_bytes, IncomingBody::Owners owners) {
  body_.Begin(max_bytes, owners, io().now());
  if (closed_) return BodyIsOver(ClientGone());
  if (!refused() && std::max<uint64_t>(content_length_, request_.body.size()) > max_bytes) {
    Refuse(MakeError(ErrorCode::kPayloadTooLarge));
  }
  if (refused() || input_ended_) return BodyIsOver(error_);
  if (request_.body.empty() && waits_for_leave_) SubmitContinue();
}

bool Http2Stream::TakesRest(SteadyTime now) {
  if (waits_for_leave_ || content_length_ == 0 || content_length_ > kMaxRest) return false;
  rest_since_ = now;
  return true;
}

bool Http2Stream::RestIsOverdue(SteadyTime now) {
  if (!rest_since_ || input_ended_ || now - *rest_since_ <= kRestTimeout) return false;
  rest_since_.reset();
  return true;
}

void Http2Stream::BodyIsOver(absl::Status status) {
  if (const std::coroutine_handle<> handler = body_.Finish(std::move(status))) handler.resume();
}

void Http2Stream::CancelIfStalled(SteadyTime now, std::chrono::milliseconds timeout) {
  if (cancelled_ || out_.empty() || now - taken_at_ <= timeout) return;
  nghttp2_session* const session = connection_->session_;
  cancelled_ = nghttp2_session_get_stream_remote_window_size(session, id_) <= 0 ||
               nghttp2_session_get_remote_window_size(session) <= 0;
  if (cancelled_) nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id_, NGHTTP2_CANCEL);
}

Detached Http2Stream::Handle() {
  const auto self = shared_from_this();
  begun_ = true;
  if (refused()) {
    handled_ = true;
    body_.Reset();
    Send(connection_->shared_->handler->Refuse(*this, error_));
    co_return;
  }
  ++connection_->handling_;
  (void)co_await connection_->shared_->handler->Handle(*this);
  gone_observer_ = nullptr;
  handled_ = true;
  body_.Reset();
  request_.Release();
  --connection_->handling_;
  if (connection_->unread_ && !connection_->reading_paused()) connection_->ReceiveLater();
}

void Http2Stream::Closed() {
  if (closed_) return;
  closed_ = true;
  out_.clear();
  queued_bytes_ = 0;
  if (gone_observer_ != nullptr) {
    io().Post([self = shared_from_this()] {
      GoneObserver* const observer = std::exchange(self->gone_observer_, nullptr);
      if (observer != nullptr) observer->OnGone();
    });
  }
  if (waiter_) io().Resume(std::exchange(waiter_, {}));
  if (body_.waiting()) {
    if (const auto handler = body_.Finish(ClientGone())) io().Resume(handler);
  }
}

ssize_t Http2Stream::ReadBody(uint8_t* buffer, size_t size, uint32_t* flags) {
  size_t filled = 0;
  while (filled < size && !out_.empty()) {
    const std::string_view bytes = out_.front().bytes.substr(out_offset_);
    const size_t take = std::min(bytes.size(), size - filled);
    std::memcpy(buffer + filled, bytes.data(), take);
    filled += take;
    out_offset_ += take;
    if (take == bytes.size()) {
      out_.pop_front();
      out_offset_ = 0;
    }
  }
  queued_bytes_ -= filled;
  if (filled > 0) taken_at_ = io().now();
  if (!sending() && waiter_) io().Resume(std::exchange(waiter_, {}));
  if (out_.empty() && ended_) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(filled);
  }
  if (filled > 0) return static_cast<ssize_t>(filled);
  deferred_ = true;
  return NGHTTP2_ERR_DEFERRED;
}

void Http2Stream::Resume() {
  if (closed_) return;
  if (std::exchange(deferred_, false)) nghttp2_session_resume_data(connection_->session_, id_);
  connection_->FlushSoon();
}

void Http2Stream::Queue(Piece piece) {
  Queued queued;
  if (piece.shared == nullptr) {
    queued.holder = std::make_shared<const std::string>(std::move(piece.own));
  } else {
    queued.holder = std::move(piece.shared);
  }
  queued.bytes = *queued.holder;
  if (!queued.bytes.empty()) Enqueue(std::move(queued));
}

void Http2Stream::Enqueue(Queued queued) {
  if (out_.empty()) taken_at_ = io().now();
  queued_bytes_ += queued.bytes.size();
  out_.push_back(std::move(queued));
}

void Http2Stream::SubmitHead(Response& response, std::optional<size_t> content_length,
                             bool has_body) {
  char status[4];
  std::to_chars(status, status + sizeof status, response.status);
  std::vector<nghttp2_nv> fields;
  fields.reserve(24);
  fields.push_back(Pair(":status", std::string_view(status, 3)));
  fields.push_back(Pair("date", io().date()));
  fields.push_back(Pair("server", "durable-streams"));
  LowerNames(response.headers, fields);
  char length[20];
  if (content_length) {
    char* const end = std::to_chars(length, length + sizeof length, *content_length).ptr;
    fields.push_back(
        Pair("content-length", std::string_view(length, static_cast<size_t>(end - length))));
  }
  nghttp2_data_provider provider{};
  provider.source.ptr = this;
  provider.read_callback = ReadFromStream;
  nghttp2_submit_response(connection_->session_, id_, fields.data(), fields.size(),
                          has_body ? &provider : nullptr);
  connection_->FlushSoon();
}

void Http2Stream::SubmitContinue() {
  const nghttp2_nv status = Pair(":status", "100");
  nghttp2_submit_headers(connection_->session_, NGHTTP2_FLAG_NONE, id_, nullptr, &status, 1,
                         nullptr);
  connection_->FlushSoon();
}

void Http2Stream::Send(Response response) {
  if (closed_) return;
  ended_ = true;
  std::optional<size_t> length;
  if (HasLength(response, is_head_)) length = TotalSize(response.body);
  const bool has_body = length.value_or(0) > 0 && !is_head_;
  if (has_body) {
    for (Piece& piece : response.body) Queue(std::move(piece));
  }
  SubmitHead(response, length, has_body);
}

// No filler: the connection is probed as a whole.
void Http2Stream::SendStreamHead(Response head, std::string_view) {
  if (closed_) return;
  SubmitHead(head, std::nullopt, /*has_body=*/true);
}

void Http2Stream::SendStreamPieces(Pieces pieces) {
  if (closed_) return;
  for (Piece& piece : pieces) Queue(std::move(piece));
  Resume();
}

void Http2Stream::SendStreamEnd() {
  if (closed_) return;
  ended_ = true;
  Resume();
}

void Http2Stream::SendShared(std::span<const SharedPayload* const> chunks) {
  if (closed_) return;
  for (const SharedPayload* const chunk : chunks) {
    Enqueue({chunk->framed(), chunk->payload()});
  }
  Resume();
}

}  // namespace ds::http

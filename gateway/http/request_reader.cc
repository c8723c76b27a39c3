#include "gateway/http/request_reader.h"

#include <algorithm>

namespace ds::http {
namespace {

// What a busy connection keeps for its next request.
constexpr size_t kMaxKeptBuffer = 16 << 10;

}  // namespace

absl::StatusOr<bool> RequestReader::Advance(Request& request) {
  return stage_ == Stage::kHead ? ReadHead(request) : ReadBody(request);
}

absl::StatusOr<bool> RequestReader::ReadHead(Request& request) {
  // Empty lines before a request are to be ignored (RFC 9112 section 2.2).
  if (searched_ == 0) {
    size_t begin = 0;
    while (std::string_view(in_).substr(begin).starts_with("\r\n")) begin += 2;
    if (begin > 0) in_.erase(0, begin);
  }
  if (in_.empty()) return false;
  std::optional<ErrorCode> error;
  const std::optional<size_t> size = FindHead(in_, limits_, searched_, error);
  if (error) return MakeError(*error);
  if (!size) return false;
  framing_ = {};
  const absl::Status parsed =
      ParseHead(std::string_view(in_).substr(0, *size), limits_, request, framing_);
  in_.erase(0, *size);
  searched_ = 0;
  if (!parsed.ok()) return parsed;
  if (framing_.chunked) chunks_.emplace(limits_);
  stage_ = framing_.chunked || framing_.content_length > 0 ? Stage::kBody : Stage::kComplete;
  return true;
}

absl::StatusOr<bool> RequestReader::ReadBody(Request& request) {
  if (framing_.chunked) {
    const absl::StatusOr<size_t> used = chunks_->Decode(in_, request.body);
    if (!used.ok()) return used.status();
    in_.erase(0, *used);
    if (!chunks_->done()) return false;
    chunks_.reset();
  } else {
    ReadSizedBody(request.body);
    if (request.body.size() < framing_.content_length) return false;
  }
  stage_ = Stage::kComplete;
  return true;
}

void RequestReader::ReadSizedBody(std::string& body) {
  const uint64_t length = framing_.content_length;
  if (body.empty() && in_.size() == length && length > kMaxKeptBuffer) {
    body.swap(in_);
    return;
  }
  // The memory grows with what has arrived, not with what was announced, and not beyond that.
  const size_t take = std::min<uint64_t>(length - body.size(), in_.size());
  if (body.capacity() < body.size() + take) {
    body.reserve(std::min<uint64_t>(length, 2 * (body.size() + take)));
  }
  body.append(in_, 0, take);
  in_.erase(0, take);
}

void RequestReader::Next() {
  stage_ = Stage::kHead;
  if (in_.capacity() > kMaxKeptBuffer) in_.shrink_to_fit();
}

void RequestReader::Shrink() {
  if (in_.empty()) std::string().swap(in_);
}

}  // namespace ds::http

#ifndef GATEWAY_HTTP_REQUEST_READER_H_
#define GATEWAY_HTTP_REQUEST_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "gateway/http/chunked_body.h"
#include "gateway/http/limits.h"
#include "gateway/http/request_parser.h"

namespace ds::http {

// Takes what an HTTP/1.x client sends apart into requests, one after the other, however the bytes
// are cut. Keeps what has come of the next one. Owned by a connection, on its thread.
class RequestReader {
 public:
  enum class Stage { kHead, kBody, kComplete };

  // `limits` must outlive the reader.
  explicit RequestReader(const Limits& limits) : limits_(limits) {}

  // Bytes that came.
  void Add(std::string_view bytes) { in_.append(bytes); }

  // Reads on into `request`, to the next stage at most; true when that is reached, false when more
  // bytes are needed. The same `request` must be given until it is complete. Errors: those of
  // FindHead, ParseHead and ChunkedBody; then the reader is of no more use but for Drop.
  // REQUIRES: stage() is not kComplete.
  absl::StatusOr<bool> Advance(Request& request);
  Stage stage() const { return stage_; }
  // Of the request, from kBody on.
  const Framing& framing() const { return framing_; }
  // Whether all of the body has come, so that nobody waits for leave to send it.
  bool has_whole_body() const { return !framing_.chunked && in_.size() >= framing_.content_length; }
  // Begins the next request. REQUIRES: stage() is kComplete.
  void Next();

  // What came and was not read yet.
  const std::string& unread() const { return in_; }
  // Nothing of a request has come.
  bool idle() const { return stage_ == Stage::kHead && in_.empty(); }
  // Forgets what was not read.
  void Drop() { in_.clear(); }
  // Gives memory back that is not in use.
  void Shrink();
  std::string TakeUnread() { return std::move(in_); }

 private:
  absl::StatusOr<bool> ReadHead(Request& request);
  absl::StatusOr<bool> ReadBody(Request& request);
  void ReadSizedBody(std::string& body);

  const Limits& limits_;
  Stage stage_ = Stage::kHead;
  std::string in_;
  size_t searched_ = 0;  // how far the end of the head was looked for in in_
  Framing framing_;
  std::optional<ChunkedBody> chunks_;  // of a chunked body
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_REQUEST_READER_H_

#include "gateway/http/send_queue.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace ds::http {
namespace {

constexpr size_t kMaxIovecs = 64;

iovec ToIovec(std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

}  // namespace

size_t SendQueue::Hand(Transport& transport, iovec* iovecs, size_t count) {
  while (true) {
    const ssize_t sent = transport.Send(iovecs, count);
    if (sent >= 0) {
      taken_ += static_cast<size_t>(sent);
      return static_cast<size_t>(sent);
    }
    if (errno == EINTR) continue;
    failed_ = errno != EAGAIN && errno != EWOULDBLOCK;
    return 0;
  }
}

bool SendQueue::Send(Transport& transport, std::string head, Pieces pieces) {
  const bool idle = empty();
  if (idle && pieces.empty()) {
    // Most answers are one piece that the kernel takes at once.
    iovec whole = ToIovec(head);
    const size_t sent = Hand(transport, &whole, 1);
    if (failed_ || sent == head.size()) return !failed_;
    offset_ = sent;
    pieces_.emplace_back(std::move(head));
    return Flush(transport);
  }
  if (!head.empty()) pieces_.emplace_back(std::move(head));
  for (Piece& piece : pieces) pieces_.push_back(std::move(piece));
  return !idle || Flush(transport);
}

bool SendQueue::SendShared(Transport& transport, std::span<const SharedPayload* const> chunks,
                           bool framed) {
  const auto bytes_of = [framed](const SharedPayload& chunk) {
    return framed ? std::string_view(*chunk.framed()) : chunk.payload();
  };
  while (!chunks.empty() && empty()) {
    std::array<iovec, kMaxIovecs> iovecs;
    const size_t count = std::min(chunks.size(), kMaxIovecs);
    size_t size = 0;
    for (size_t i = 0; i < count; ++i) {
      iovecs[i] = ToIovec(bytes_of(*chunks[i]));
      size += iovecs[i].iov_len;
    }
    size_t sent = Hand(transport, iovecs.data(), count);
    if (failed_) return false;
    if (sent < size) {
      size_t whole = 0;
      while (sent >= iovecs[whole].iov_len) sent -= iovecs[whole++].iov_len;
      chunks = chunks.subspan(whole);
      offset_ = sent;
      break;
    }
    chunks = chunks.subspan(count);
  }
  for (const SharedPayload* const chunk : chunks) {
    if (framed) {
      pieces_.emplace_back(chunk->framed());
    } else {
      pieces_.emplace_back(std::string(chunk->payload()));
    }
  }
  return true;
}

bool SendQueue::Flush(Transport& transport) {
  while (index_ < pieces_.size()) {
    std::array<iovec, kMaxIovecs> iovecs;
    size_t count = 0;
    size_t offset = offset_;
    for (size_t i = index_; i < pieces_.size() && count < kMaxIovecs; ++i) {
      const std::string_view bytes = pieces_[i].view().substr(offset);
      offset = 0;
      if (!bytes.empty()) iovecs[count++] = ToIovec(bytes);
    }
    if (count == 0) break;
    size_t sent = Hand(transport, iovecs.data(), count);
    if (sent == 0) return !failed_;
    while (index_ < pieces_.size()) {
      const size_t left = pieces_[index_].view().size() - offset_;
      if (sent < left) {
        offset_ += sent;
        break;
      }
      sent -= left;
      offset_ = 0;
      ++index_;
    }
  }
  pieces_.clear();
  index_ = 0;
  offset_ = 0;
  return true;
}

void SendQueue::Shrink() {
  if (empty()) Pieces().swap(pieces_);
}

}  // namespace ds::http

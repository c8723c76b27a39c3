#ifndef GATEWAY_HANDLERS_GATEWAY_H_
#define GATEWAY_HANDLERS_GATEWAY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "gateway/http/exchange.h"
#include "gateway/live/live_feeds.h"
#include "gateway/protocol/cursor.h"
#include "gateway/protocol/fields.h"
#include "gateway/protocol/target.h"
#include "storage/api/stream_store.h"

namespace ds {

struct GatewayOptions {
  std::string stream_root = "/v1/stream/";
  absl::Duration long_poll_timeout = absl::Seconds(30);
  absl::Duration sse_reconnect_interval = absl::Seconds(60);
  CursorOptions cursors;
  // Origins that browsers may call from: {"*"} for all, empty for no CORS headers at all.
  std::vector<std::string> cors_origins = {"*"};
  uint64_t max_chunk_bytes = 4u << 20;  // of one response
  bool compression = true;              // gzip for catch-up reads
  uint64_t min_compressed_bytes = 1024;
  bool access_log = false;
};

// The protocol over HTTP (PROTOCOL.md sections 4, 5 and 8 to 10): takes requests apart, calls the
// store, puts answers together. One file per operation. Thread-safe; handlers run on the thread of
// their exchange.
class Gateway final : public http::Handler {
 public:
  // All must outlive the object.
  Gateway(const GatewayOptions& options, StreamStore& store, LiveFeeds& feeds, Clock& clock);

  Task<Done> Handle(http::Exchange& exchange) override;
  http::Response Refuse(const absl::Status& error) override;

 private:
  // Of the data in one server-sent event: small enough that a slow reader does not hold much.
  static constexpr uint64_t kMaxSseEventBytes = 256 << 10;

  Task<Done> Route(http::Exchange& exchange, int& status);
  Task<Done> Create(http::Exchange& exchange, const Target& target, int& status);
  Task<Done> Append(http::Exchange& exchange, const Target& target, int& status);
  Task<Done> Read(http::Exchange& exchange, const Target& target, int& status);
  Task<Done> LongPoll(http::Exchange& exchange, const Target& target, const ReadQuery& query,
                      ReadResult read, int& status);
  Task<Done> Sse(http::Exchange& exchange, const Target& target, const ReadQuery& query,
                 ReadResult read, int& status);
  Task<Done> Head(http::Exchange& exchange, const Target& target, int& status);
  Task<Done> Delete(http::Exchange& exchange, const Target& target, int& status);
  http::Response Preflight(const http::Request& request) const;

  // A response with the headers that all responses have.
  http::Response Begin(int status, const http::Request& request) const;
  http::Response Problem(const absl::Status& error, const http::Request& request) const;
  void AddCors(const http::Request& request, http::Response& response) const;
  // What every answer to a read says.
  void AddReadHeaders(const ReadResult& read, http::Response& response) const;
  std::string CacheControl(const StreamInfo& info) const;
  uint64_t NextCursor(const ReadQuery& query) const;
  // What a live reader does at the tail of a stream with a TTL: keeps it alive.
  void Renew(Feed& feed, const StreamInfo& info) const;
  http::SteadyTime NextWake(const StreamInfo& info, http::SteadyTime deadline) const;

  const GatewayOptions& options_;
  StreamStore& store_;
  LiveFeeds& feeds_;
  Clock& clock_;
  std::string static_headers_;
};

}  // namespace ds

#endif  // GATEWAY_HANDLERS_GATEWAY_H_

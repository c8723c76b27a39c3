#ifndef GATEWAY_HANDLERS_GATEWAY_H_
#define GATEWAY_HANDLERS_GATEWAY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "gateway/handlers/admission.h"
#include "gateway/handlers/cors.h"
#include "gateway/handlers/probe.h"
#include "gateway/handlers/public_address.h"
#include "gateway/handlers/request_context.h"
#include "gateway/handlers/store_call.h"
#include "gateway/http/exchange.h"
#include "gateway/live/keepalive.h"
#include "gateway/live/live_feeds.h"
#include "gateway/protocol/caching.h"
#include "gateway/protocol/compression.h"
#include "gateway/protocol/cursor.h"
#include "gateway/protocol/fields.h"
#include "gateway/protocol/sse.h"
#include "gateway/protocol/subscription_json.h"
#include "gateway/protocol/target.h"
#include "storage/api/stream_store.h"

namespace ds {

struct GatewayOptions {
  std::string stream_root = "/v1/stream/";
  PublicAddressOptions address;
  absl::Duration long_poll_timeout = absl::Seconds(30);
  absl::Duration sse_reconnect_interval = absl::Seconds(60);
  absl::Duration sse_keepalive = absl::Seconds(15);  // 0: none
  CursorOptions cursors;
  CorsOptions cors;
  uint64_t max_chunk_bytes = 4u << 20;  // of one response
  bool compression = true;              // of catch-up reads
  uint64_t min_compressed_bytes = 1024;
  CacheOptions caching;
  bool access_log = false;
  // How long a request may wait for the storage, and each further call of a live read; 0: as long
  // as it takes.
  absl::Duration request_timeout = absl::Seconds(30);
};

// The protocol over HTTP (PROTOCOL.md sections 4, 5 and 8 to 10): takes requests apart, calls the
// store, puts answers together. One file per operation. Thread-safe; handlers run on the thread of
// their exchange.
class Gateway final : public http::Handler {
 public:
  // All must outlive the object.
  Gateway(const GatewayOptions& options, StreamStore& store, LiveFeeds& feeds, Admission& admission,
          Clock& clock, Metrics& metrics);

  Task<int> Handle(http::Exchange& exchange) override;
  http::Response Refuse(http::Exchange& exchange, const absl::Status& error) override;

 private:
  // Of the data in one server-sent event: small enough that a slow reader does not hold much.
  static constexpr uint64_t kMaxSseEventBytes = 256 << 10;

  // A read that goes on live: what was asked for, and what has been read so far.
  struct LiveRead {
    ReadQuery query;
    ReadResult read;
    // Of server-sent events: how the response carries data (until it begins: how the client wants
    // it), whether an EventSource reconnects, and how the first data fits lines.
    SseForm form = SseForm::kExact;
    bool resumes = false;
    SseFit first_fit = SseFit::kExact;
  };
  enum class Step { kWait, kEnd, kGone };

  void TakeTrace(RequestContext& context) const;
  // Finds out what is asked for. Errors: those of ParseTarget, kMethodNotAllowed, kNotImplemented,
  // kMisdirectedRequest.
  absl::Status Identify(RequestContext& context) const;
  // Reads the request's body, of as much as its operation may have. Errors: those of
  // Exchange::ReadBody.
  Task<absl::Status> TakeBody(RequestContext& context);
  // Whether what a control API is asked for shows the right method, and a token where it needs one.
  // Errors: kMethodNotAllowed, kTokenInvalid.
  static absl::Status CheckControlHead(const RequestContext& context);
  // Decodes the request's body in place, if its operation has one. Errors: kUnsupportedEncoding,
  // kBadRequest, kPayloadTooLarge, kOverloaded.
  Task<absl::Status> DecodeBody(RequestContext& context);
  // Finds out under which condition a write is asked for. Error: kInvalidHeader.
  static absl::Status TakeCondition(RequestContext& context);
  void NoteAnswered(const RequestContext& context, int status);

  // Each results in the status of its answer, 0 for none. What waits for long keeps little: the
  // coroutines that lead there are done by then.
  Task<int> Dispatch(RequestContext& context);
  Task<int> Create(RequestContext& context);
  Task<int> Append(RequestContext& context);
  // Sets `live` instead of answering when the read is to go on live.
  Task<int> Read(RequestContext& context, std::unique_ptr<LiveRead>& live);
  Task<int> LongPoll(RequestContext& context, std::unique_ptr<LiveRead> live);
  Task<int> Sse(RequestContext& context, std::unique_ptr<LiveRead> live);
  // What a request for server-sent events says beside its query, which it may move.
  static absl::Status ReadSseFields(const RequestContext& context, ReadQuery& query,
                                    SseForm& wanted, bool& resumes);
  // Sends what there is, up to the tail or to what the response's form does not carry.
  Task<Step> SendEvents(RequestContext& context, LiveRead& live, LiveFeeds::Use& feed);
  Task<int> Head(RequestContext& context);
  Task<int> Delete(RequestContext& context);
  Task<int> Control(RequestContext& context);
  Task<int> SignUrl(RequestContext& context);
  Task<int> Options(RequestContext& context);
  // Reads on from where `live` stands, which it leaves as it is when that fails.
  Task<absl::Status> ReadOn(RequestContext& context, uint64_t max_bytes, LiveRead& live);

  // The answer to a catch-up read, compressed where that pays.
  Task<http::Response> ReadAnswer(RequestContext& context, const ReadQuery& query,
                                  const ReadResult& read);
  // Compresses `body` in the first of the codings that does it, and tells in which.
  Task<Coding> Compress(http::Exchange& exchange, const AcceptedCodings& accepted,
                        http::Piece& body);
  // 304, where If-None-Match names the answer in one of these codings.
  std::optional<http::Response> NotModified(const ReadQuery& query, const ReadResult& read,
                                            const AcceptedCodings& accepted,
                                            const RequestContext& context) const;
  // The codings that an answer to this read may have.
  AcceptedCodings CodingsFor(const ReadQuery& query, const http::Request& request) const;
  http::Response LongPollAnswer(const LiveRead& live, const RequestContext& context) const;
  http::Response SseHead(const LiveRead& live, const RequestContext& context) const;
  // The answer to an EventSource that has read all of a closed stream: it reconnects no more.
  http::Response SseOver(const LiveRead& live, const RequestContext& context) const;
  static http::Piece ReadBody(const ReadResult& read);
  // What a feed has for a long-poll reader becomes its read.
  Feed::View::Kind TakeNews(Feed& feed, LiveRead& live) const;
  // The read as events; the first of a response begin it.
  http::Pieces ReadEvents(const LiveRead& live, bool first) const;
  // Sends what a feed has as events.
  void SendItems(http::Exchange& exchange, const Feed::View& view, bool own_cursor,
                 LiveRead& live) const;
  // Whether the client needs a cursor of its own, above the one of the shared frames.
  bool NeedsOwnCursor(const ReadQuery& query) const;
  http::Response Preflight(const RequestContext& context) const;

  // A response with the headers that all responses have.
  http::Response Begin(int status, const RequestContext& context) const;
  http::Response Problem(const absl::Status& error, const RequestContext& context) const;
  // Of a write; `current` as in its result.
  http::Response WriteProblem(const absl::Status& error,
                              const std::optional<StreamVersion>& current,
                              const RequestContext& context) const;
  // The headers that say more of an error, and its line in the log.
  static void AddFailure(const absl::Status& error, const RequestContext& context,
                         http::Response& response);
  http::Response ControlAnswer(const ControlRoute& route, const SubscriptionAnswer& answer,
                               const RequestContext& context) const;
  static void AddNextOffset(const Offset& next, http::Response& response);
  // Of an answer with stored content: a browser that shows it as a document, as it does text/html
  // and SVG, runs nothing in it and gives it no origin (Content Security Policy Level 3).
  static void AddDocumentPolicy(http::Response& response);
  // What every answer to a read says.
  void AddReadHeaders(const ReadResult& read, http::Response& response) const;
  // How long an answer may be kept at all; nullopt: for ever. Nothing but its end takes a signed
  // URL from whoever comes to the same browser later.
  std::optional<absl::Duration> CacheableFor(const RequestContext& context,
                                             const ReadResult& read) const;
  // What caches must know of one.
  void AddCacheHeaders(const ReadQuery& query, const ReadResult& read,
                       const RequestContext& context, http::Response& response) const;
  // How much of its limit the client has left.
  void AddRateLimit(const RequestContext& context, http::Response& response) const;
  // `deadline`, or the end of the client's credentials if that is earlier.
  http::SteadyTime LiveDeadline(const RequestContext& context, absl::Duration longest) const;
  uint64_t NextCursor(const ReadQuery& query) const;
  // What a live reader does at the tail of a stream with a TTL: keeps it alive.
  void Renew(RequestContext& context, Feed& feed, const StreamInfo& info) const;
  // When a call on the storage that begins now is no longer waited for.
  SteadyTime CallDeadline() const;
  http::SteadyTime NextWake(const StreamInfo& info, http::SteadyTime deadline) const;

  const GatewayOptions& options_;
  AdmittedStore store_;
  LiveFeeds& feeds_;
  Admission& admission_;
  Clock& clock_;
  const Keepalive keepalive_;
  GatewayProbe probe_;
  const Cors cors_;
  const PublicAddress address_;
  std::string static_headers_;
};

}  // namespace ds

#endif  // GATEWAY_HANDLERS_GATEWAY_H_

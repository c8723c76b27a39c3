#include <algorithm>
#include <optional>
#include <utility>

#include "gateway/handlers/gateway.h"
#include "gateway/protocol/encoding.h"
#include "gateway/protocol/etag.h"
#include "storage/api/errors.h"
#include "storage/core/content_type.h"

// GET: sections 5.6 and 8 for catch-up; the live modes go on in long_poll.cc and sse.cc.

namespace ds {

namespace {

// The entity tag of an answer in one of the codings that If-None-Match names. A tag in a coding
// that the client does not accept is not one of them: a cache in between that has such an answer
// must not be told that it may give it to this client (RFC 9110 section 15.4.5).
std::optional<std::string> NamedEtag(std::string_view if_none_match, const ReadResult& read,
                                     const AcceptedCodings& accepted) {
  for (const Coding coding : accepted) {
    std::string etag = Etag(read, CodingName(coding));
    if (NamesEtag(if_none_match, etag)) return etag;
  }
  return std::nullopt;
}

}  // namespace

AcceptedCodings Gateway::CodingsFor(const ReadQuery& query, const http::Request& request) const {
  if (!options_.compression || query.live != ReadQuery::Live::kNone) {
    return AcceptedCodings::IdentityOnly();
  }
  std::string joined;
  return AcceptedCodings::Parse(request.FindList("accept-encoding", joined));
}

Task<int> Gateway::Read(RequestContext& context, std::unique_ptr<LiveRead>& live) {
  const http::Request& request = context.request();
  absl::StatusOr<ReadQuery> query = ParseReadQuery(context.target);
  if (!query.ok()) co_return co_await context.exchange.Respond(Problem(query.status(), context));
  uint64_t max_bytes = options_.max_chunk_bytes;
  const bool is_sse = query->live == ReadQuery::Live::kSse;
  if (is_sse) context.operation = HttpOperation::kSse;
  if (query->live == ReadQuery::Live::kLongPoll) context.operation = HttpOperation::kLongPoll;
  SseForm form = SseForm::kExact;
  bool resumes = false;
  if (is_sse) {
    max_bytes = std::min(max_bytes, kMaxSseEventBytes);
    const absl::Status status = ReadSseFields(context, *query, form, resumes);
    if (!status.ok()) co_return co_await context.exchange.Respond(Problem(status, context));
  }
  ReadRequest ask{context.target.path, query->from, query->offset, max_bytes};
  std::string joined;
  const Field known = is_sse ? std::nullopt : request.FindList("if-none-match", joined);
  if (known) ask.known_next = EtagNext(*known);
  ReadResult read = co_await store_.Call(context, &StreamStore::Read, std::move(ask));
  if (read.unchanged && !NamedEtag(*known, read, CodingsFor(*query, request))) {
    // The same bytes, but no longer the same answer: the stream was closed since, or the client
    // takes the coding no more.
    ReadRequest whole{context.target.path, query->from, query->offset, max_bytes};
    read = co_await store_.Call(context, &StreamStore::Read, std::move(whole));
  }
  if (!read.status.ok()) co_return co_await context.exchange.Respond(Problem(read.status, context));
  if (query->live == ReadQuery::Live::kNone) {
    http::Response answer = co_await ReadAnswer(context, *query, read);
    co_return co_await context.exchange.Respond(std::move(answer));
  }
  live = std::make_unique<LiveRead>();
  live->query = *std::move(query);
  live->read = std::move(read);
  live->form = form;
  live->resumes = resumes;
  co_return 0;
}

Task<http::Response> Gateway::ReadAnswer(RequestContext& context, const ReadQuery& query,
                                         const ReadResult& read) {
  const AcceptedCodings accepted = CodingsFor(query, context.request());
  if (accepted.empty()) {
    co_return Problem(MakeError(ErrorCode::kNotAcceptable, "there are zstd, br, gzip and identity"),
                      context);
  }
  if (std::optional<http::Response> same = NotModified(query, read, accepted, context)) {
    co_return *std::move(same);
  }
  http::Piece body = ReadBody(read);
  Coding coding = Coding::kIdentity;
  const bool worthwhile = body.view().size() >= options_.min_compressed_bytes;
  if (accepted.best() != Coding::kIdentity && (worthwhile || !accepted.Allows(Coding::kIdentity))) {
    coding = co_await Compress(context.exchange, accepted, body);
  }
  http::Response response = Begin(200, context);
  response.Add("Content-Type", read.info.content_type);
  if (coding != Coding::kIdentity) response.Add("Content-Encoding", CodingName(coding));
  if (query.from != ReadRequest::From::kNow) {
    response.Add("ETag", Etag(read, CodingName(coding)));
  }
  AddReadHeaders(read, response);
  AddCacheHeaders(query, read, context, response);
  admission_.ChargeBytes(context, body.view().size());
  response.body.push_back(std::move(body));
  co_return response;
}

std::optional<http::Response> Gateway::NotModified(const ReadQuery& query, const ReadResult& read,
                                                   const AcceptedCodings& accepted,
                                                   const RequestContext& context) const {
  std::string joined;
  const Field known = context.request().FindList("if-none-match", joined);
  if (!known || query.from == ReadRequest::From::kNow) return std::nullopt;
  const std::optional<std::string> etag = NamedEtag(*known, read, accepted);
  if (!etag) return std::nullopt;
  http::Response response = Begin(304, context);
  response.Add("ETag", *etag);
  AddReadHeaders(read, response);
  AddCacheHeaders(query, read, context, response);
  return response;
}

std::optional<absl::Duration> Gateway::CacheableFor(const RequestContext& context,
                                                    const ReadResult& read) const {
  const absl::Time now = clock_.Wall();
  const std::optional<absl::Duration> life = LifeLeft(read.info.lifetime, now);
  if (context.principal == nullptr || !context.principal->is_signed_url) return life;
  const absl::Duration left = absl::Floor(context.principal->expires - now, absl::Seconds(1));
  return std::clamp(left, absl::ZeroDuration(), life.value_or(absl::InfiniteDuration()));
}

void Gateway::AddCacheHeaders(const ReadQuery& query, const ReadResult& read,
                              const RequestContext& context, http::Response& response) const {
  const bool is_private = context.is_private();
  response.Add("Cache-Control",
               CacheControl(options_.caching, PermanenceOf(query, read), response.status != 204,
                            is_private, CacheableFor(context, read)));
  const bool negotiated = options_.compression && query.live == ReadQuery::Live::kNone;
  if (negotiated) response.Add("Vary", "Accept-Encoding");
  // What a browser keeps for one user is not for the next one who logs in.
  if (is_private) {
    response.Add("Vary", context.checked_externally ? "Authorization, Cookie" : "Authorization");
  }
}

http::Piece Gateway::ReadBody(const ReadResult& read) {
  if (IsJson(read.info.content_type)) return JsonArray(read.data(), read.message_sizes());
  if (read.chunk == nullptr) return std::string();
  // The bytes as they stand in the store, which other readers are sent too.
  return std::shared_ptr<const std::string>(read.chunk, &read.chunk->data);
}

}  // namespace ds

#include <utility>

#include "gateway/handlers/gateway.h"
#include "gateway/protocol/encoding.h"
#include "storage/api/errors.h"
#include "storage/core/content_type.h"

// GET: sections 5.6 and 8 for catch-up; the live modes go on in long_poll.cc and sse.cc.

namespace ds {

namespace {

// Whether a condition names this answer, compressed or not.
bool NamesRead(std::string_view if_none_match, const ReadResult& read) {
  return NamesEtag(if_none_match, Etag(read)) || NamesEtag(if_none_match, Etag(read, "gzip"));
}

}  // namespace

Task<int> Gateway::Read(RequestContext& context, std::unique_ptr<LiveRead>& live) {
  const http::Request& request = context.request();
  absl::StatusOr<ReadQuery> query = ParseReadQuery(context.target);
  if (!query.ok()) co_return co_await context.exchange.Respond(Problem(query.status(), context));
  uint64_t max_bytes = options_.max_chunk_bytes;
  if (query->live == ReadQuery::Live::kSse) context.operation = HttpOperation::kSse;
  if (query->live == ReadQuery::Live::kLongPoll) context.operation = HttpOperation::kLongPoll;
  if (query->live == ReadQuery::Live::kSse) max_bytes = std::min(max_bytes, kMaxSseEventBytes);
  SseForm form = SseForm::kExact;
  bool resumes = false;
  if (query->live == ReadQuery::Live::kSse) {
    const absl::Status status = ReadSseFields(context, *query, form, resumes);
    if (!status.ok()) co_return co_await context.exchange.Respond(Problem(status, context));
  }
  ReadRequest ask{context.target.path, query->from, query->offset, max_bytes};
  ask.context = context.call;
  const std::optional<std::string_view> known = request.Find("if-none-match");
  const bool conditional = known && query->live == ReadQuery::Live::kNone;
  if (conditional) ask.known_next = EtagNext(*known);
  ReadResult read = co_await store_.Call(context, &StreamStore::Read, std::move(ask));
  if (read.unchanged && !NamesRead(*known, read)) {
    // The same bytes, but no longer the same answer: the stream was closed since.
    ReadRequest whole{context.target.path, query->from, query->offset, max_bytes};
    read = co_await store_.Call(context, &StreamStore::Read, std::move(whole));
  }
  if (!read.status.ok()) co_return co_await context.exchange.Respond(Problem(read.status, context));
  if (query->live == ReadQuery::Live::kNone) {
    co_return co_await context.exchange.Respond(ReadAnswer(*query, read, context));
  }
  live = std::make_unique<LiveRead>();
  live->query = *std::move(query);
  live->read = std::move(read);
  live->form = form;
  live->resumes = resumes;
  co_return 0;
}

http::Response Gateway::ReadAnswer(const ReadQuery& query, const ReadResult& read,
                                   const RequestContext& context) const {
  const http::Request& request = context.request();
  const bool at_now = query.from == ReadRequest::From::kNow;
  const std::string etag = Etag(read);
  const std::optional<std::string_view> known = request.Find("if-none-match");
  if (known && !at_now) {
    for (const std::string& mine : {etag, Etag(read, "gzip")}) {
      if (!NamesEtag(*known, mine)) continue;
      http::Response response = Begin(304, context);
      response.Add("ETag", mine);
      response.Add("Cache-Control", CacheControl(read.info, context));
      AddReadHeaders(read, response);
      return response;
    }
  }

  http::Response response = Begin(200, context);
  response.Add("Content-Type", read.info.content_type);
  AddReadHeaders(read, response);
  http::Piece body = ReadBody(read);
  bool compressed = false;
  if (options_.compression && !at_now) {
    response.Add("Vary", "Accept-Encoding");
    if (body.view().size() >= options_.min_compressed_bytes &&
        AcceptsGzip(request.Find("accept-encoding").value_or(""))) {
      if (std::optional<std::string> small = Gzip(body.view())) {
        body = *std::move(small);
        compressed = true;
        response.Add("Content-Encoding", "gzip");
      }
    }
  }
  if (at_now) {
    response.Add("Cache-Control", "no-store");
  } else {
    response.Add("ETag", compressed ? Etag(read, "gzip") : etag);
    response.Add("Cache-Control", CacheControl(read.info, context));
  }
  admission_.ChargeSent(context, body.view().size());
  response.body.push_back(std::move(body));
  return response;
}

http::Piece Gateway::ReadBody(const ReadResult& read) {
  if (IsJson(read.info.content_type)) return JsonArray(read.data(), read.message_sizes());
  if (read.chunk == nullptr) return std::string();
  // The bytes as they stand in the store, which other readers are sent too.
  return std::shared_ptr<const std::string>(read.chunk, &read.chunk->data);
}

}  // namespace ds

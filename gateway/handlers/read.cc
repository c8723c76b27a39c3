#include <utility>

#include "gateway/handlers/gateway.h"
#include "gateway/handlers/store_call.h"
#include "gateway/protocol/encoding.h"
#include "storage/api/errors.h"
#include "storage/core/content_type.h"

// GET: sections 5.6 and 8 for catch-up; the live modes go on in long_poll.cc and sse.cc.

namespace ds {
Task<Done> Gateway::Read(http::Exchange& exchange, const Target& target, int& status) {
  const http::Request& request = exchange.request();
  const absl::StatusOr<ReadQuery> query = ParseReadQuery(target);
  ReadResult read;
  if (query.ok()) {
    uint64_t max_bytes = options_.max_chunk_bytes;
    if (query->live == ReadQuery::Live::kSse) max_bytes = std::min(max_bytes, kMaxSseEventBytes);
    ReadRequest ask{target.path, query->from, query->offset, max_bytes};
    read = co_await StoreCall(exchange.io(), store_, &StreamStore::Read, std::move(ask));
  } else {
    read.status = query.status();
  }
  if (!read.status.ok()) {
    http::Response response = Problem(read.status, request);
    status = response.status;
    co_await exchange.Respond(std::move(response));
    co_return Done{};
  }
  if (query->live == ReadQuery::Live::kLongPoll) {
    co_return co_await LongPoll(exchange, target, *query, std::move(read), status);
  }
  if (query->live == ReadQuery::Live::kSse) {
    co_return co_await Sse(exchange, target, *query, std::move(read), status);
  }

  const bool at_now = query->from == ReadRequest::From::kNow;
  const bool may_compress = options_.compression && !at_now;
  const std::string etag = Etag(read);
  const std::string gzip_etag = Etag(read, "gzip");
  const std::optional<std::string_view> known = request.Find("if-none-match");
  if (known && !at_now && (NamesEtag(*known, etag) || NamesEtag(*known, gzip_etag))) {
    http::Response response = Begin(304, request);
    response.Add("ETag", NamesEtag(*known, etag) ? etag : gzip_etag);
    response.Add("Cache-Control", CacheControl(read.info));
    AddReadHeaders(read, response);
    status = response.status;
    co_await exchange.Respond(std::move(response));
    co_return Done{};
  }

  http::Response response = Begin(200, request);
  response.Add("Content-Type", read.info.content_type);
  AddReadHeaders(read, response);
  std::string body = ReadBody(read.info.content_type, std::move(read.data), read.message_sizes);
  bool compressed = false;
  if (may_compress) {
    response.Add("Vary", "Accept-Encoding");
    if (body.size() >= options_.min_compressed_bytes &&
        AcceptsGzip(request.Find("accept-encoding").value_or(""))) {
      if (std::optional<std::string> small = Gzip(body)) {
        body = *std::move(small);
        compressed = true;
        response.Add("Content-Encoding", "gzip");
      }
    }
  }
  if (at_now) {
    response.Add("Cache-Control", "no-store");
  } else {
    response.Add("ETag", compressed ? gzip_etag : etag);
    response.Add("Cache-Control", CacheControl(read.info));
  }
  response.body.emplace_back(std::move(body));
  status = response.status;
  co_await exchange.Respond(std::move(response));
  co_return Done{};
}

}  // namespace ds

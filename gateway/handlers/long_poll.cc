#include <utility>

#include "absl/time/time.h"
#include "gateway/handlers/gateway.h"
#include "gateway/handlers/store_call.h"
#include "gateway/protocol/encoding.h"
#include "storage/api/errors.h"

// GET with live=long-poll: section 5.7.

namespace ds {
namespace {

// Puts the commits that a feed still has into the shape of a read that begins at `read.next`.
void TakeItems(const std::vector<FeedItem>& items, ReadResult& read) {
  read.start = read.next;
  for (const FeedItem& item : items) {
    read.data += *item.event.data;
    read.message_sizes.insert(read.message_sizes.end(), item.event.message_sizes->begin(),
                              item.event.message_sizes->end());
    read.next = item.event.next;
    read.info.closed |= item.event.closed;
  }
}

}  // namespace

Task<Done> Gateway::LongPoll(http::Exchange& exchange, const Target& target, const ReadQuery& query,
                             ReadResult read, int& status) {
  const http::Request& request = exchange.request();
  const auto deadline =
      std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(options_.long_poll_timeout);
  LiveFeeds::Use feed;
  while (read.status.ok() && read.data.empty() && !read.at_end()) {
    if (!feed) feed = feeds_.Acquire(target.path);
    const uint64_t position = read.next.position;
    const Feed::View view = feed->After(read.info.stream_id, position, options_.max_chunk_bytes,
                                        /*encode=*/false);
    if (view.kind == Feed::View::Kind::kItems) {
      TakeItems(view.items, read);
      read.up_to_date = view.reaches_tail;
      break;
    }
    if (view.kind == Feed::View::Kind::kNothing) {
      const auto wake = co_await feed->Wait(exchange, read.info.stream_id, position,
                                            NextWake(read.info, deadline));
      if (wake == Feed::Wake::kGone) co_return Done{};
      if (wake == Feed::Wake::kDraining) break;
      if (wake == Feed::Wake::kTimeout) {
        if (std::chrono::steady_clock::now() >= deadline) break;
        Renew(*feed.operator->(), read.info);
      }
      continue;
    }
    // Behind, closed, deleted, or the connection to the storage was lost: the store knows.
    if (view.kind == Feed::View::Kind::kEnded) feed = {};
    ReadRequest ask{target.path, ReadRequest::From::kOffset, read.next, options_.max_chunk_bytes};
    read = co_await StoreCall(exchange.io(), store_, &StreamStore::Read, std::move(ask));
  }

  if (!read.status.ok()) {
    http::Response response = Problem(read.status, request);
    status = response.status;
    co_await exchange.Respond(std::move(response));
    co_return Done{};
  }
  const bool empty = read.data.empty();
  http::Response response = Begin(empty ? 204 : 200, request);
  AddReadHeaders(read, response);
  if (!read.at_end()) response.Add("Stream-Cursor", std::to_string(NextCursor(query)));
  if (empty) {
    response.Add("Cache-Control", "no-store");
  } else {
    response.Add("Content-Type", read.info.content_type);
    response.Add("ETag", Etag(read));
    response.Add("Cache-Control", CacheControl(read.info));
    response.body.emplace_back(
        ReadBody(read.info.content_type, std::move(read.data), read.message_sizes));
  }
  status = response.status;
  co_await exchange.Respond(std::move(response));
  co_return Done{};
}

}  // namespace ds

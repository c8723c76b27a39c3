#include <utility>

#include "absl/time/time.h"
#include "gateway/handlers/gateway.h"
#include "gateway/live/feed_reader.h"
#include "gateway/protocol/etag.h"
#include "storage/api/errors.h"

// GET with live=long-poll: section 5.7.

namespace ds {
namespace {

// Puts the commits that a feed still has into the shape of a read that begins at `read.next`.
void TakeItems(const std::vector<FeedItem>& items, ReadResult& read) {
  read.start = read.next;
  read.next = items.back().event.next;
  read.info.closed |= items.back().event.closed;
  if (items.size() == 1) {
    read.chunk = items[0].event.chunk;
    return;
  }
  auto chunk = std::make_shared<Chunk>();
  for (const FeedItem& item : items) {
    const std::vector<uint32_t>& sizes = item.event.message_sizes();
    chunk->data += item.event.data();
    chunk->message_sizes.insert(chunk->message_sizes.end(), sizes.begin(), sizes.end());
  }
  read.chunk = std::move(chunk);
}

}  // namespace

Task<int> Gateway::LongPoll(RequestContext& context, std::unique_ptr<LiveRead> live) {
  const http::SteadyTime deadline = LiveDeadline(context, options_.long_poll_timeout);
  const Admission::LiveReader admitted(admission_, context);
  if (!admitted) {
    co_return co_await context.exchange.Respond(
        Problem(MakeError(ErrorCode::kRateLimited, "too many live readers"), context));
  }
  const GatewayProbe::LiveReader counted(probe_.long_poll_readers);
  ReadResult& read = live->read;
  LiveFeeds::Use feed;
  bool over = false;  // the last look at the store is taken
  while (!over && read.status.ok() && read.chunk == nullptr && !read.unchanged && !read.at_end()) {
    if (!admission_.StillAdmits(context)) {
      co_return co_await context.exchange.Respond(Problem(
          MakeError(ErrorCode::kUnauthenticated, "the credentials were withdrawn"), context));
    }
    if (!feed) feed = feeds_.Acquire(context.target.path);
    const Feed::View::Kind kind = TakeNews(*feed.operator->(), *live);
    if (kind == Feed::View::Kind::kItems) break;
    if (kind == Feed::View::Kind::kNothing) {
      const auto wake =
          co_await feed->Wait(context.exchange, read.info.stream_id, read.next.position,
                              /*keepalive=*/nullptr, NextWake(read.info, deadline));
      if (wake == Feed::Wake::kGone) co_return 0;
      if (wake == Feed::Wake::kDraining) break;
      if (wake == Feed::Wake::kTimeout) {
        over = std::chrono::steady_clock::now() >= deadline;
        // That nothing has come can be said only of a stream that is followed.
        if (over && !feed->lost()) break;
        if (!over) Renew(context, *feed.operator->(), read.info);
      }
      if (!over) continue;
    }
    // Behind, closed, deleted, or the connection to the storage was lost: the store knows.
    if (kind == Feed::View::Kind::kEnded) feed = {};
    read.status = co_await ReadOn(context, options_.max_chunk_bytes, *live);
  }
  co_return co_await context.exchange.Respond(LongPollAnswer(*live, context));
}

Feed::View::Kind Gateway::TakeNews(Feed& feed, LiveRead& live) const {
  const Feed::View view = feed.After(live.read.info.stream_id, live.read.next.position,
                                     options_.max_chunk_bytes, /*form=*/std::nullopt);
  if (view.kind == Feed::View::Kind::kItems) {
    TakeItems(view.items, live.read);
    live.read.up_to_date = view.reaches_tail;
  }
  return view.kind;
}

http::Response Gateway::LongPollAnswer(const LiveRead& live, const RequestContext& context) const {
  const ReadResult& read = live.read;
  if (!read.status.ok()) return Problem(read.status, context);
  const bool empty = read.chunk == nullptr && !read.unchanged;
  http::Response response;
  std::optional<http::Response> not_modified;
  if (!empty) {
    not_modified = NotModified(live.query, read, AcceptedCodings::IdentityOnly(), context);
  }
  if (not_modified) {
    response = *std::move(not_modified);
  } else {
    response = Begin(empty ? 204 : 200, context);
    AddReadHeaders(read, response);
    AddCacheHeaders(live.query, read, context, response);
  }
  if (!read.at_end()) response.Add("Stream-Cursor", std::to_string(NextCursor(live.query)));
  if (response.status == 200) {
    response.Add("Content-Type", read.info.content_type);
    response.Add("ETag", Etag(read));
    response.body.push_back(ReadBody(read));
    admission_.ChargeBytes(context, TotalSize(response.body));
  }
  return response;
}

}  // namespace ds

#include <utility>

#include "absl/time/time.h"
#include "gateway/handlers/gateway.h"
#include "gateway/handlers/store_call.h"
#include "gateway/protocol/encoding.h"
#include "storage/api/errors.h"
#include "storage/core/content_type.h"

// GET with live=sse: section 5.8.

namespace ds {

Task<Done> Gateway::Sse(http::Exchange& exchange, const Target& target, const ReadQuery& query,
                        ReadResult read, int& status) {
  const auto deadline = std::chrono::steady_clock::now() +
                        absl::ToChronoMilliseconds(options_.sse_reconnect_interval);
  http::Response head = Begin(200, exchange.request());
  head.Add("Content-Type", "text/event-stream");
  head.Add("Cache-Control", "no-cache");
  head.Add("X-Accel-Buffering", "no");
  if (!IsText(read.info.content_type)) head.Add("Stream-SSE-Data-Encoding", "base64");
  status = head.status;
  if (!co_await exchange.StartStream(std::move(head))) co_return Done{};

  // A client with a cursor of its own may need another than the one in the shared frames.
  const bool own_cursor = query.cursor.has_value();
  LiveFeeds::Use feed;
  bool pending = true;  // `read` holds something that was not sent yet
  while (true) {
    if (pending) {
      std::string events;
      if (!read.data.empty()) {
        events = SseDataEvent(read.info.content_type, read.data, read.message_sizes);
      }
      SseControl control{.next = read.next, .up_to_date = read.up_to_date, .closed = read.at_end()};
      if (!control.closed) control.cursor = NextCursor(query);
      events += SseControlEvent(control);
      http::Pieces pieces;
      pieces.emplace_back(std::move(events));
      if (!co_await exchange.Write(std::move(pieces))) co_return Done{};
      if (control.closed) break;
      pending = false;
    }
    if (std::chrono::steady_clock::now() >= deadline) break;
    bool must_read = !read.up_to_date;
    if (!must_read) {
      if (!feed) feed = feeds_.Acquire(target.path);
      Feed::View view =
          feed->After(read.info.stream_id, read.next.position, kMaxSseEventBytes, !own_cursor);
      if (view.kind == Feed::View::Kind::kItems) {
        http::Pieces pieces;
        for (size_t i = 0; i < view.items.size(); ++i) {
          FeedItem& item = view.items[i];
          const bool last = view.reaches_tail && i + 1 == view.items.size();
          if (own_cursor) {
            SseControl control{
                .next = item.event.next, .up_to_date = last, .closed = item.event.closed};
            if (!control.closed) control.cursor = NextCursor(query);
            pieces.emplace_back(
                SseDataEvent(read.info.content_type, *item.event.data, *item.event.message_sizes) +
                SseControlEvent(control));
          } else {
            pieces.emplace_back(last ? item.frame : item.frame_behind);
          }
          read.next = item.event.next;
          read.info.closed |= item.event.closed;
        }
        if (!co_await exchange.Write(std::move(pieces))) co_return Done{};
        if (read.info.closed) break;
        continue;
      }
      if (view.kind == Feed::View::Kind::kNothing) {
        const auto wake = co_await feed->Wait(exchange, read.info.stream_id, read.next.position,
                                              NextWake(read.info, deadline));
        if (wake == Feed::Wake::kGone) co_return Done{};
        if (wake == Feed::Wake::kDraining) break;
        if (wake == Feed::Wake::kTimeout) Renew(*feed.operator->(), read.info);
        continue;
      }
      if (view.kind == Feed::View::Kind::kEnded) {
        // Deleted, or the storage is away: the client finds out by reconnecting.
        break;
      }
      must_read = true;
    }
    if (must_read) {
      ReadRequest ask{target.path, ReadRequest::From::kOffset, read.next, kMaxSseEventBytes};
      read = co_await StoreCall(exchange.io(), store_, &StreamStore::Read, std::move(ask));
      if (!read.status.ok()) break;
      pending = true;
    }
  }
  co_await exchange.EndStream();
  co_return Done{};
}

}  // namespace ds

#include <utility>

#include "absl/time/time.h"
#include "gateway/handlers/gateway.h"
#include "gateway/protocol/encoding.h"
#include "storage/api/errors.h"
#include "storage/core/content_type.h"

// GET with live=sse: section 5.8.

namespace ds {

Task<int> Gateway::Sse(RequestContext& context, std::unique_ptr<LiveRead> live) {
  constexpr int kStatus = 200;
  const http::SteadyTime deadline = LiveDeadline(context, options_.sse_reconnect_interval);
  const Admission::LiveReader admitted(admission_, context);
  if (!admitted) {
    co_return co_await context.exchange.Respond(
        Problem(MakeError(ErrorCode::kRateLimited, "too many live readers"), context));
  }
  if (!co_await context.exchange.StartStream(SseHead(*live, context))) co_return kStatus;
  const GatewayProbe::LiveReader counted(probe_.sse_readers);
  ReadResult& read = live->read;
  LiveFeeds::Use feed;
  while (true) {
    const Step step = co_await SendEvents(context, *live, feed);
    if (step == Step::kGone) co_return kStatus;
    if (step == Step::kEnd) break;
    if (std::chrono::steady_clock::now() >= deadline) break;
    const http::SteadyTime until = NextWake(read.info, deadline);
    const uint64_t id = read.info.stream_id;
    Feed::Wake wake;
    if (NeedsOwnCursor(live->query)) {
      wake = co_await feed->Wait(context.exchange, id, read.next.position, until);
    } else {
      wake = co_await feed->Follow(context.exchange, id, read.next, until);
    }
    if (wake == Feed::Wake::kGone || !co_await context.exchange.Sent()) co_return kStatus;
    if (wake == Feed::Wake::kDraining) break;
    if (wake == Feed::Wake::kTimeout) Renew(*feed.operator->(), read.info);
  }
  co_await context.exchange.EndStream();
  co_return kStatus;
}

http::Response Gateway::SseHead(const LiveRead& live, const RequestContext& context) const {
  http::Response head = Begin(200, context);
  head.Add("Content-Type", "text/event-stream");
  head.Add("Cache-Control", "no-cache");
  head.Add("X-Accel-Buffering", "no");
  if (!IsText(live.read.info.content_type)) head.Add("Stream-SSE-Data-Encoding", "base64");
  return head;
}

Task<Gateway::Step> Gateway::SendEvents(RequestContext& context, LiveRead& live,
                                        LiveFeeds::Use& feed) {
  ReadResult& read = live.read;
  bool unsent = !feed;  // what was read from the store
  while (true) {
    if (std::exchange(unsent, false)) {
      if (!co_await context.exchange.Write(ReadEvents(live))) co_return Step::kGone;
      if (read.at_end()) co_return Step::kEnd;
      read.chunk = nullptr;
      if (!feed) feed = feeds_.Acquire(context.target.path);
    }
    Feed::View::Kind kind = Feed::View::Kind::kBehind;
    if (read.up_to_date) {
      const bool own_cursor = NeedsOwnCursor(live.query);
      const Feed::View view = feed->After(read.info.stream_id, read.next.position,
                                          kMaxSseEventBytes, /*encode=*/!own_cursor);
      kind = view.kind;
      if (kind == Feed::View::Kind::kNothing) co_return Step::kWait;
      // Deleted, or the storage is away: the client finds out by reconnecting.
      if (kind == Feed::View::Kind::kEnded) co_return Step::kEnd;
      if (kind == Feed::View::Kind::kItems) {
        SendItems(context.exchange, view, own_cursor, live);
        if (!co_await context.exchange.Sent()) co_return Step::kGone;
        if (read.info.closed) co_return Step::kEnd;
        continue;
      }
    }
    co_await ReadOn(context, kMaxSseEventBytes, live);
    if (!read.status.ok()) co_return Step::kEnd;
    unsent = true;
  }
}

http::Pieces Gateway::ReadEvents(const LiveRead& live) const {
  const ReadResult& read = live.read;
  std::string events;
  if (read.chunk != nullptr) {
    events = SseDataEvent(read.info.content_type, read.data(), read.message_sizes());
  }
  SseControl control{.next = read.next, .up_to_date = read.up_to_date, .closed = read.at_end()};
  if (!control.closed) control.cursor = NextCursor(live.query);
  events += SseControlEvent(control);
  http::Pieces pieces;
  pieces.emplace_back(std::move(events));
  return pieces;
}

void Gateway::SendItems(http::Exchange& exchange, const Feed::View& view, bool own_cursor,
                        LiveRead& live) const {
  std::vector<http::SharedPayload> own;
  std::vector<const http::SharedPayload*> frames;
  own.reserve(view.items.size());
  for (size_t i = 0; i < view.items.size(); ++i) {
    const FeedItem& item = view.items[i];
    const TailEvent& event = item.event;
    const bool last = view.reaches_tail && i + 1 == view.items.size();
    if (own_cursor) {
      SseControl control{.next = event.next, .up_to_date = last, .closed = event.closed};
      if (!control.closed) control.cursor = NextCursor(live.query);
      own.emplace_back(
          SseDataEvent(live.read.info.content_type, event.data(), event.message_sizes()) +
          SseControlEvent(control));
      frames.push_back(&own.back());
    } else {
      frames.push_back((last ? item.frame : item.frame_behind).get());
    }
    live.read.next = event.next;
    live.read.info.closed |= event.closed;
  }
  exchange.SendShared(frames);
}

}  // namespace ds

#include <random>
#include <utility>

#include "absl/time/time.h"
#include "gateway/handlers/gateway.h"
#include "gateway/live/feed_reader.h"
#include "gateway/protocol/sse_query.h"
#include "storage/api/errors.h"
#include "storage/core/content_type.h"

// GET with live=sse: section 5.8.

namespace ds {
namespace {

// How long an EventSource waits before it reconnects: a second on the average, so that the browsers
// which a restart cuts off at once do not come back at once.
uint32_t RetryMilliseconds() {
  thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_int_distribution<uint32_t>(500, 1500)(random);
}

}  // namespace

absl::Status Gateway::ReadSseFields(const RequestContext& context, ReadQuery& query,
                                    SseForm& wanted, bool& resumes) {
  const http::Request& request = context.request();
  const absl::StatusOr<bool> moved = ApplyLastEventId(request.Find("last-event-id"), query);
  if (!moved.ok()) return moved.status();
  resumes = *moved;
  const absl::StatusOr<SseForm> form = WantedForm(context.target, query, request.Find("accept"));
  if (!form.ok()) return form.status();
  wanted = *form;
  return absl::OkStatus();
}

Task<int> Gateway::Sse(RequestContext& context, std::unique_ptr<LiveRead> live) {
  constexpr int kStatus = 200;
  ReadResult& read = live->read;
  if (live->resumes && read.at_end() && read.chunk == nullptr) {
    co_return co_await context.exchange.Respond(SseOver(*live, context));
  }
  const http::SteadyTime deadline = LiveDeadline(context, options_.sse_reconnect_interval);
  const Admission::LiveReader admitted(admission_, context);
  if (!admitted) {
    co_return co_await context.exchange.Respond(
        Problem(MakeError(ErrorCode::kRateLimited, "too many live readers"), context));
  }
  const std::string& content_type = read.info.content_type;
  live->form =
      ResponseForm(live->form, content_type, read.data(), feeds_.WorstFit(context.target.path));
  if (live->form == SseForm::kBase64 && IsText(content_type)) {
    live->first_fit = FitOf(content_type, read.data());
  }
  if (!co_await context.exchange.StartStream(SseHead(*live, context),
                                             keepalive_.comment().payload())) {
    co_return kStatus;
  }
  const GatewayProbe::LiveReader counted(probe_.sse_readers);
  LiveFeeds::Use feed;
  while (true) {
    if (!admission_.StillAdmits(context)) break;
    const Step step = co_await SendEvents(context, *live, feed);
    if (step == Step::kGone) co_return kStatus;
    if (step == Step::kEnd) break;
    if (std::chrono::steady_clock::now() >= deadline) break;
    const http::SteadyTime until = NextWake(read.info, deadline);
    const uint64_t id = read.info.stream_id;
    Feed::Wake wake;
    if (NeedsOwnCursor(live->query)) {
      wake = co_await feed->Wait(context.exchange, id, read.next.position, &keepalive_, until);
    } else {
      wake = co_await feed->Follow(context.exchange, id, read.next, live->form, &keepalive_, until);
    }
    if (wake == Feed::Wake::kGone || !co_await context.exchange.Sent()) co_return kStatus;
    if (wake == Feed::Wake::kDraining) break;
    if (wake == Feed::Wake::kTimeout) Renew(context, *feed.operator->(), read.info);
  }
  co_await context.exchange.EndStream();
  co_return kStatus;
}

http::Response Gateway::SseHead(const LiveRead& live, const RequestContext& context) const {
  http::Response head = Begin(200, context);
  head.Add("Content-Type", "text/event-stream");
  head.Add("Cache-Control", "no-cache");
  head.Add("Vary", "Accept, Last-Event-ID");
  head.Add("X-Accel-Buffering", "no");
  AddDocumentPolicy(head);
  if (live.form == SseForm::kBase64) head.Add("Stream-SSE-Data-Encoding", "base64");
  // Nothing follows, so these hold for the whole response (section 8).
  if (live.read.at_end() && live.read.chunk == nullptr) AddReadHeaders(live.read, head);
  return head;
}

http::Response Gateway::SseOver(const LiveRead& live, const RequestContext& context) const {
  http::Response response = Begin(204, context);
  response.Add("Cache-Control", "no-store");
  AddReadHeaders(live.read, response);
  return response;
}

Task<Gateway::Step> Gateway::SendEvents(RequestContext& context, LiveRead& live,
                                        LiveFeeds::Use& feed) {
  ReadResult& read = live.read;
  bool unsent = !feed;  // what was read from the store
  while (true) {
    if (std::exchange(unsent, false)) {
      const bool first = !feed;
      const SseFit fit = first || !IsText(read.info.content_type)
                             ? SseFit::kExact
                             : FitOf(read.info.content_type, read.data());
      if (!Carries(live.form, fit)) {
        feed->NoteFit(fit);
        co_return Step::kEnd;
      }
      if (!co_await context.exchange.Write(ReadEvents(live, first))) co_return Step::kGone;
      if (read.at_end()) co_return Step::kEnd;
      read.chunk = nullptr;
      if (first) {
        feed = feeds_.Acquire(context.target.path);
        feed->NoteFit(live.first_fit);
      }
    }
    if (read.up_to_date) {
      const bool own_cursor = NeedsOwnCursor(live.query);
      const Feed::View view =
          feed->After(read.info.stream_id, read.next.position, kMaxSseEventBytes, live.form);
      switch (view.kind) {
        case Feed::View::Kind::kNothing:
          co_return Step::kWait;
        case Feed::View::Kind::kUnfit:
          // The client goes on with a response that carries it.
        case Feed::View::Kind::kEnded:
          // Deleted, or the storage is away: the client finds out by reconnecting.
          co_return Step::kEnd;
        case Feed::View::Kind::kItems:
          SendItems(context.exchange, view, own_cursor, live);
          if (!co_await context.exchange.Sent()) co_return Step::kGone;
          if (read.info.closed) co_return Step::kEnd;
          continue;
        case Feed::View::Kind::kBehind:
        case Feed::View::Kind::kEnd:
          break;
      }
    }
    const absl::Status status = co_await ReadOn(context, kMaxSseEventBytes, live);
    if (!status.ok()) {
      if (!feed->lost()) co_return Step::kEnd;
      // The storage is away: what there is to send now is what the feed has.
      read.up_to_date = true;
      co_return Step::kWait;
    }
    unsent = true;
  }
}

http::Pieces Gateway::ReadEvents(const LiveRead& live, bool first) const {
  const ReadResult& read = live.read;
  std::string events;
  if (first) events = SseOpening(live.form, RetryMilliseconds());
  const bool has_data = read.chunk != nullptr;
  if (has_data) {
    AppendSseData(live.form, read.info.content_type, read.data(), read.message_sizes(), read.next,
                  events);
  }
  SseControl control{.next = read.next, .up_to_date = read.up_to_date, .closed = read.at_end()};
  if (!control.closed) control.cursor = NextCursor(live.query);
  AppendSseControl(control, /*with_id=*/!has_data, events);
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
      std::string events;
      AppendSseData(live.form, live.read.info.content_type, event.data(), event.message_sizes(),
                    event.next, events);
      AppendSseControl(control, /*with_id=*/false, events);
      own.emplace_back(events);
      frames.push_back(&own.back());
    } else {
      frames.push_back(item.frame(live.form, /*more=*/!last));
    }
    live.read.next = event.next;
    live.read.info.closed |= event.closed;
  }
  exchange.SendShared(frames);
}

}  // namespace ds

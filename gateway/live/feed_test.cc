#include "gateway/live/feed.h"

#include <future>
#include <string_view>
#include <utility>

#include "base/task.h"
#include "gateway/http/server_shared.h"
#include "gateway/live/feed_reader.h"
#include "gtest/gtest.h"
#include "metrics/metrics.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

using Kind = Feed::View::Kind;
using Wake = Feed::Wake;

constexpr uint64_t kId = 7;
constexpr uint64_t kNoLimit = 1 << 20;

// A store of one stream that says what the test wants it to, when the test wants it.
class ScriptedStore final : public StreamStore {
 public:
  struct Tailing {
    std::shared_ptr<TailObserver> observer;
    Callback<HeadResult> ready;
    bool cancelled = false;
  };

  std::unique_ptr<Subscription> Tail(StreamPath, std::shared_ptr<TailObserver> observer,
                                     Callback<HeadResult> ready) override {
    tailings.push_back(std::make_shared<Tailing>(Tailing{std::move(observer), std::move(ready)}));
    return std::make_unique<Handle>(tailings.back());
  }

  // What the last subscription is told.
  void SayReady(uint64_t tail, uint64_t id = kId) {
    HeadResult head;
    head.info = {.path = "s", .stream_id = id, .content_type = "text/plain", .tail = {id, tail}};
    tailings.back()->ready(head);
  }
  void Refuse(ErrorCode code) { tailings.back()->ready({.status = MakeError(code)}); }
  void Say(const TailEvent& event) { tailings.back()->observer->OnTail(event); }

  void Create(CreateRequest, Callback<CreateResult>) override { std::abort(); }
  void Append(AppendRequest, Callback<AppendResult>) override { std::abort(); }
  void Read(ReadRequest, Callback<ReadResult>) override { std::abort(); }
  void Head(HeadRequest, Callback<HeadResult>) override { std::abort(); }
  void Delete(DeleteRequest, Callback<DeleteResult>) override { std::abort(); }
  void List(ListRequest, Callback<ListResult>) override { std::abort(); }
  void Subscriptions(SubscriptionCall, Callback<SubscriptionAnswer>) override { std::abort(); }
  std::unique_ptr<Subscription> Watch(PathPattern, std::shared_ptr<WatchObserver>) override {
    std::abort();
  }

  std::vector<std::shared_ptr<Tailing>> tailings;

 private:
  class Handle final : public Subscription {
   public:
    explicit Handle(std::shared_ptr<Tailing> tailing) : tailing_(std::move(tailing)) {}
    ~Handle() override { tailing_->cancelled = true; }

   private:
    const std::shared_ptr<Tailing> tailing_;
  };
};

// What a response is sent.
class FakeExchange final : public http::Exchange {
 public:
  explicit FakeExchange(http::IoThread& io) : io_(io) {}
  http::IoThread& io() override { return io_; }
  http::Request& request() override { return request_; }
  void SendShared(std::span<const http::SharedPayload* const> chunks) override {
    for (const http::SharedPayload* const chunk : chunks) sent.append(chunk->payload());
  }
  bool sending() const override { return false; }
  uint64_t MaxBody() const override { return 0; }
  std::string PeerAddress() const override { return {}; }
  bool gone() const override { return false; }
  void NotifyGone(GoneObserver*) override {}

  std::string sent;

 protected:
  void Send(http::Response) override {}
  void SendStreamHead(http::Response, std::string_view) override {}
  void SendStreamPieces(http::Pieces) override {}
  void SendStreamEnd() override {}
  void WhenSent(std::coroutine_handle<>) override {}
  http::IncomingBody& body() override { return body_; }
  void BeginBody(uint64_t, http::IncomingBody::Owners) override {}

 private:
  http::IoThread& io_;
  http::Request request_;
  http::ServerShared shared_;
  http::IncomingBody body_{shared_};
};

TailEvent Data(uint64_t start, std::string data, uint64_t id = kId) {
  TailEvent event{.stream_id = id, .start = {id, start}, .next = {id, start + data.size()}};
  event.chunk = std::make_shared<Chunk>(Chunk{std::move(data)});
  return event;
}

class FeedTest : public ::testing::Test {
 protected:
  FeedTest() {
    io_.Start();
    feed_->Start();
  }
  ~FeedTest() override {
    feed_->Stop();
    Settle();
    io_.Stop();
  }

  // Runs `work` on the thread, after all that was posted to it before.
  void OnThread(UniqueFunction<void()> work) {
    std::promise<void> done;
    io_.Post([&] {
      work();
      done.set_value();
    });
    done.get_future().get();
  }
  void Settle() {
    OnThread([] {});
  }

  // A reader that follows from `position` until it is woken.
  struct Reader {
    explicit Reader(http::IoThread& io) : exchange(io) {}
    FakeExchange exchange;
    Offset next;
    std::optional<Wake> woken;
  };
  static Detached Follow(Feed& feed, Reader& reader, SseForm form, const Keepalive* keepalive) {
    const http::SteadyTime deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    reader.woken =
        co_await feed.Follow(reader.exchange, kId, reader.next, form, keepalive, deadline);
  }
  Reader* StartReader(uint64_t position, SseForm form = SseForm::kExact,
                      const Keepalive* keepalive = nullptr) {
    Reader* const reader = readers_.emplace_back(std::make_unique<Reader>(io_)).get();
    reader->next = {kId, position};
    OnThread([&] { Follow(*feed_, *reader, form, keepalive); });
    return reader;
  }

  Kind At(uint64_t position, SseForm form = SseForm::kExact) {
    return feed_->After(kId, position, kNoLimit, form).kind;
  }

  ScriptedStore store_;
  CursorOptions cursors_;
  Metrics metrics_;
  LiveProbe probe_{metrics_};
  http::IoThread io_{0};
  std::vector<std::unique_ptr<Reader>> readers_;  // whom the feed's end wakes
  std::shared_ptr<Feed> feed_ =
      std::make_shared<Feed>("s", store_, cursors_, Clock::System(), probe_);
};

TEST_F(FeedTest, AFollowingReaderIsSentWhatIsCommitted) {
  store_.SayReady(10);
  const Reader* const reader = StartReader(10);
  store_.Say(Data(10, "one"));
  store_.Say(Data(13, " two"));
  Settle();
  EXPECT_FALSE(reader->woken);
  EXPECT_EQ(reader->next.position, 17u);
  EXPECT_NE(reader->exchange.sent.find("data:one\n"), std::string::npos);
  EXPECT_NE(reader->exchange.sent.find("data:  two\n"), std::string::npos);
  // Of what came together only the last is up to date.
  EXPECT_EQ(At(10), Kind::kItems);
  EXPECT_EQ(At(17), Kind::kNothing);
  EXPECT_EQ(At(9), Kind::kBehind);
}

TEST_F(FeedTest, AGapIsReadAndNeverPassedOver) {
  store_.SayReady(0);
  const Reader* const reader = StartReader(0);
  store_.Say(Data(0, "one"));
  Settle();
  store_.Say(Data(10, "later"));
  Settle();
  EXPECT_EQ(reader->woken, Wake::kProgress);
  EXPECT_EQ(reader->exchange.sent.find("later"), std::string::npos);
  EXPECT_EQ(reader->next.position, 3u);
  for (const uint64_t position : {0, 3}) EXPECT_EQ(At(position), Kind::kBehind) << position;
  EXPECT_EQ(At(10), Kind::kItems);
}

TEST_F(FeedTest, AGapBeforeTheStoreSaidWhatThereIs) {
  store_.Say(Data(0, "early"));
  store_.SayReady(10);
  store_.Say(Data(10, "late"));
  for (const uint64_t position : {0, 5}) EXPECT_EQ(At(position), Kind::kBehind) << position;
  EXPECT_EQ(At(10), Kind::kItems);
}

TEST_F(FeedTest, WhatComesTwiceIsTakenOnce) {
  store_.SayReady(3);
  store_.Say(Data(0, "one"));
  store_.Say(Data(3, "two"));
  store_.Say(Data(3, "two"));
  const Feed::View view = feed_->After(kId, 3, kNoLimit, SseForm::kExact);
  ASSERT_EQ(view.items.size(), 1u);
  EXPECT_TRUE(view.reaches_tail);
}

TEST_F(FeedTest, ALostFeedFollowsAnewWhileItsReadersWait) {
  store_.SayReady(3);
  const Reader* const reader = StartReader(3);
  store_.Say({.kind = TailEvent::Kind::kLost});
  EXPECT_TRUE(feed_->lost());
  ASSERT_EQ(store_.tailings.size(), 2u);
  EXPECT_TRUE(store_.tailings[0]->cancelled);
  Settle();
  EXPECT_FALSE(reader->woken);
  EXPECT_EQ(At(3), Kind::kNothing);
  EXPECT_EQ(At(0), Kind::kNothing) << "reading would fail now";

  store_.SayReady(3);
  EXPECT_FALSE(feed_->lost());
  Settle();
  EXPECT_EQ(reader->woken, Wake::kProgress) << "to look whether there is something";
  EXPECT_EQ(At(3), Kind::kNothing);
  const Reader* const again = StartReader(3);
  store_.Say(Data(3, "more"));
  Settle();
  EXPECT_EQ(again->next.position, 7u);
}

TEST_F(FeedTest, WhatWasMissedMeanwhileIsAGap) {
  store_.SayReady(3);
  const Reader* const reader = StartReader(3);
  store_.Say({.kind = TailEvent::Kind::kLost});
  store_.Say(Data(20, "new"));  // before the store has said where the stream is
  store_.SayReady(23);
  Settle();
  EXPECT_EQ(reader->woken, Wake::kProgress);
  EXPECT_EQ(reader->exchange.sent, "");
  EXPECT_EQ(At(3), Kind::kBehind);
  EXPECT_EQ(At(20), Kind::kItems);
}

TEST_F(FeedTest, TheFormerSubscriptionIsNotListenedTo) {
  store_.SayReady(3);
  const auto former = store_.tailings[0];
  store_.Say({.kind = TailEvent::Kind::kLost});
  store_.SayReady(3);
  former->observer->OnTail(Data(3, "late"));
  former->observer->OnTail({.kind = TailEvent::Kind::kGone});
  former->observer->OnTail({.kind = TailEvent::Kind::kLost});
  EXPECT_FALSE(feed_->ended());
  EXPECT_FALSE(feed_->lost());
  EXPECT_EQ(At(3), Kind::kNothing);
}

TEST_F(FeedTest, AStoreThatIsAwayIsAskedAgainButNotForEver) {
  store_.SayReady(3);
  const Reader* const reader = StartReader(3);
  store_.Say({.kind = TailEvent::Kind::kLost});
  store_.Refuse(ErrorCode::kStorageUnavailable);
  const http::SteadyTime now = std::chrono::steady_clock::now();
  feed_->Heal(now);
  feed_->Heal(now);
  EXPECT_EQ(store_.tailings.size(), 3u) << "one attempt at a time";
  store_.Refuse(ErrorCode::kStorageUnavailable);
  Settle();
  EXPECT_FALSE(reader->woken);
  feed_->Heal(now + std::chrono::minutes(1));
  Settle();
  EXPECT_TRUE(feed_->ended());
  EXPECT_EQ(reader->woken, Wake::kProgress);
  EXPECT_EQ(At(3), Kind::kEnded);
}

TEST_F(FeedTest, AnotherIncarnationEndsTheFeed) {
  store_.SayReady(3);
  store_.Say({.kind = TailEvent::Kind::kLost});
  store_.SayReady(3, kId + 1);
  EXPECT_TRUE(feed_->ended());
}

TEST_F(FeedTest, AStreamThatWasCutEndsTheFeed) {
  store_.SayReady(30);
  const Reader* const reader = StartReader(30);
  store_.Say({.kind = TailEvent::Kind::kLost});
  store_.SayReady(20);
  Settle();
  EXPECT_EQ(reader->woken, Wake::kProgress);
  EXPECT_EQ(At(30), Kind::kEnded);
}

TEST_F(FeedTest, AStreamThatGoesOnInAnotherIncarnationEndsTheFeed) {
  store_.SayReady(30);
  store_.Say({.kind = TailEvent::Kind::kLost});
  // It was cut to 20, and has grown past where the feed was.
  TailEvent event = Data(20, "what was there before was not this");
  event.next.incarnation = kId + 1;
  store_.Say(event);
  HeadResult head;
  head.info = {.path = "s", .stream_id = kId, .content_type = "text/plain", .tail = event.next};
  store_.tailings.back()->ready(head);
  EXPECT_EQ(At(30), Kind::kEnded);
}

TEST_F(FeedTest, AnEmptyStreamIsFollowedAnew) {
  store_.SayReady(0);
  store_.Say({.kind = TailEvent::Kind::kLost});
  store_.SayReady(0);
  EXPECT_FALSE(feed_->ended());
  EXPECT_EQ(At(0), Kind::kNothing);
}

TEST_F(FeedTest, ADeletedStreamEndsTheFeed) {
  store_.SayReady(3);
  store_.Say({.kind = TailEvent::Kind::kLost});
  store_.Refuse(ErrorCode::kStreamNotFound);
  EXPECT_TRUE(feed_->ended());
}

TEST_F(FeedTest, AReaderOfLinesStopsBeforeWhatTheyDoNotCarry) {
  store_.SayReady(0);
  const Reader* const lines = StartReader(0);
  const Reader* const any = StartReader(0, SseForm::kAny);
  const Reader* const base64 = StartReader(0, SseForm::kBase64);
  store_.Say(Data(0, "fits"));
  Settle();
  store_.Say(Data(4, "a\r\n"));
  Settle();
  EXPECT_EQ(lines->next.position, 4u);
  EXPECT_EQ(lines->woken, Wake::kProgress);
  EXPECT_EQ(lines->exchange.sent.find("data:a"), std::string::npos);
  EXPECT_EQ(At(4), Kind::kUnfit);
  const Feed::View view = feed_->After(kId, 0, kNoLimit, SseForm::kExact);
  EXPECT_EQ(view.items.size(), 1u);
  EXPECT_FALSE(view.reaches_tail);
  EXPECT_FALSE(any->woken);
  EXPECT_EQ(any->next.position, 7u);
  EXPECT_FALSE(base64->woken);
  EXPECT_NE(base64->exchange.sent.find("data:YQ0K\n"), std::string::npos);
  EXPECT_EQ(At(4, SseForm::kLineEnds), Kind::kItems);
  EXPECT_EQ(feed_->worst_fit(), SseFit::kLineEnds);
}

TEST_F(FeedTest, AnIdleReaderIsSentComments) {
  const Keepalive keepalive(absl::Milliseconds(40));
  store_.SayReady(0);
  const Reader* const reader = StartReader(0, SseForm::kExact, &keepalive);
  const auto comments = [&] {
    std::string sent;
    OnThread([&] { sent = reader->exchange.sent; });
    return sent;
  };
  while (comments().size() < 9) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_TRUE(comments().starts_with(":\n\n:\n\n:\n\n"));
  EXPECT_FALSE(reader->woken);
  store_.Say(Data(0, "x"));
  Settle();
  EXPECT_EQ(reader->next.position, 1u);
}

}  // namespace
}  // namespace ds

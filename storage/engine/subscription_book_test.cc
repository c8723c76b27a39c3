// Subscriptions over the engine, with a clock and a sender of webhooks that do as they are told:
// what wakes, what is fenced, what is retried, and what a reopened directory knows.

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "storage/api/errors.h"
#include "storage/api/sync_store.h"
#include "storage/engine/engine.h"
#include "storage/engine/faulty_env.h"

namespace ds {
namespace {

namespace fs = std::filesystem;
using Call = SubscriptionCall;
using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Keeps what is to be sent until the test says what became of it.
struct Outbox {
  struct Sent {
    WebhookRequest request;
    WebhookSender::Callback done;
    Json body;
  };
  std::mutex mutex;
  std::vector<Sent> sent;

  size_t size() {
    const std::lock_guard<std::mutex> lock(mutex);
    return sent.size();
  }
  Sent Take() {
    const std::lock_guard<std::mutex> lock(mutex);
    Sent first = std::move(sent.at(0));
    sent.erase(sent.begin());
    return first;
  }
};

class FakeSender final : public WebhookSender {
 public:
  explicit FakeSender(std::shared_ptr<Outbox> outbox) : outbox_(std::move(outbox)) {}
  ~FakeSender() override {
    const std::lock_guard<std::mutex> lock(outbox_->mutex);
    outbox_->sent.clear();
  }
  void Send(WebhookRequest request, Callback done) override {
    const std::lock_guard<std::mutex> lock(outbox_->mutex);
    Json body = Json::parse(request.body);
    outbox_->sent.push_back({std::move(request), std::move(done), std::move(body)});
  }

 private:
  const std::shared_ptr<Outbox> outbox_;
};

class SubscriptionBookTest : public ::testing::Test {
 protected:
  SubscriptionBookTest() {
    std::string name = testing::TempDir() + "/subscriptions-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    options_.database.directory = directory_ + "/data";
    options_.database.env = &env_;
    Open();
  }
  ~SubscriptionBookTest() override {
    store_.reset();
    engine_.reset();
    fs::remove_all(directory_);
  }

  void Open() {
    auto engine = Engine::Open(options_, clock_, std::make_unique<FakeSender>(outbox_));
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    store_.emplace(*engine_);
  }
  void Reopen() {
    store_.reset();
    engine_.reset();
    Open();
  }

  // Lets the committer see the clock: it looks after every batch.
  void Tick() {
    for (int i = 0; i < 2; ++i) store_->Ask("nobody", Call::Get{});
  }
  void Advance(absl::Duration by) {
    clock_.Advance(by);
    Tick();
  }

  SubscriptionAnswer PutWebhook(const std::string& id = "sub") {
    return store_->Ask(id, Call::Put{{.pattern = "events/*", .webhook_url = "https://w.example/"},
                                     "http://host/v1/stream/"});
  }
  SubscriptionAnswer PutPullWake(const std::string& id = "sub") {
    return store_->Ask(
        id, Call::Put{
                {.type = SubscriptionType::kPullWake, .pattern = "events/*", .wake_stream = "wake"},
                "http://host/v1/stream/"});
  }
  SubscriptionAnswer Claim(const std::string& worker = "worker") {
    return store_->Ask("sub", Call::Claim{worker});
  }
  static Call::WakeReference Reference(const SubscriptionAnswer& claim) {
    return {claim.token, claim.wake_id, claim.generation};
  }
  static Call::WakeReference Reference(const Json& body) {
    return {body["callback_token"], body["wake_id"], body["generation"]};
  }
  std::optional<Offset> Acked(const std::string& path) {
    for (const SubscriptionLink& link : store_->Ask("sub", Call::Get{}).info.links) {
      if (link.path == path) return link.acked;
    }
    return std::nullopt;
  }
  std::vector<std::string> Links() {
    std::vector<std::string> links;
    for (const SubscriptionLink& link : store_->Ask("sub", Call::Get{}).info.links) {
      links.push_back(link.path + (link.is_explicit ? " explicit" : " glob"));
    }
    return links;
  }
  std::vector<uint64_t> WakeEvents() {
    std::vector<uint64_t> generations;
    const ReadResult read = store_->Read({.path = "wake", .max_bytes = 1u << 20});
    size_t at = 0;
    for (const uint32_t size : read.message_sizes()) {
      const Json event = Json::parse(read.data().substr(at, size));
      EXPECT_EQ(event["type"], "wake");
      EXPECT_EQ(event["subscription_id"], "sub");
      generations.push_back(event["generation"]);
      at += size;
    }
    return generations;
  }
  static ErrorCode Code(const SubscriptionAnswer& answer) {
    EXPECT_FALSE(answer.status.ok());
    return GetErrorCode(answer.status);
  }

  std::string directory_;
  FaultyEnv env_;
  EngineOptions options_;
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  const std::shared_ptr<Outbox> outbox_ = std::make_shared<Outbox>();
  std::unique_ptr<Engine> engine_;
  std::optional<SyncStore> store_;
};

// Creation and membership.

TEST_F(SubscriptionBookTest, ConfirmingWantsTheSameConfiguration) {
  EXPECT_TRUE(PutWebhook().created);
  EXPECT_FALSE(PutWebhook().created);
  EXPECT_EQ(Code(PutPullWake()), ErrorCode::kSubscriptionExists);
  Reopen();
  EXPECT_TRUE(PutWebhook().status.ok());
  EXPECT_FALSE(PutWebhook().created);
  EXPECT_EQ(Code(PutPullWake()), ErrorCode::kSubscriptionExists);
}

TEST_F(SubscriptionBookTest, ExistingStreamsAreLinkedAtTheirTails) {
  store_->Make("events/old", "", "history");
  store_->Make("other/old", "", "history");
  PutWebhook();
  EXPECT_THAT(Links(), ElementsAre("events/old glob"));
  EXPECT_EQ(Acked("events/old")->position, 7u);
  Tick();
  EXPECT_EQ(outbox_->size(), 0u);
  store_->Add("events/old", "news");
  Tick();
  ASSERT_EQ(outbox_->size(), 1u);
  const Json stream = outbox_->Take().body["streams"][0];
  EXPECT_EQ(stream["acked_offset"], Acked("events/old")->ToString());
  EXPECT_EQ(stream["has_pending"], true);
}

TEST_F(SubscriptionBookTest, ExplicitLinksComeAndGoPatternsStay) {
  store_->Make("events/a");
  PutWebhook();
  ASSERT_TRUE(store_->Ask("sub", Call::AddStreams{{"manual", "events/a"}}).status.ok());
  EXPECT_THAT(Links(), ElementsAre("events/a explicit", "manual explicit"));
  ASSERT_TRUE(store_->Ask("sub", Call::RemoveStream{"manual"}).status.ok());
  ASSERT_TRUE(store_->Ask("sub", Call::RemoveStream{"events/a"}).status.ok());
  ASSERT_TRUE(store_->Ask("sub", Call::RemoveStream{"never/there"}).status.ok());
  EXPECT_THAT(Links(), ElementsAre("events/a glob"));
  Reopen();
  EXPECT_THAT(Links(), ElementsAre("events/a glob"));
}

// The names are walked over while others write: whatever they do meanwhile, the subscription has
// the streams that are there when it is made, each at its tail, and those that come later from
// their beginning.
TEST_F(SubscriptionBookTest, APatternFindsWhatIsThereWhateverHappensMeanwhile) {
  for (int i = 0; i < 500; ++i) store_->Make("events/old" + std::to_string(i), "", "old");
  for (int round = 0; round < 20; ++round) {
    std::atomic<bool> stop{false};
    std::thread writer([&] {
      for (int i = 0; !stop; ++i) {
        const std::string name = "events/" + std::to_string(round) + "-" + std::to_string(i % 7);
        store_->Make(name, "", "new");
        if (i % 3 == 0) store_->Delete({.path = Named(name)});
      }
    });
    const std::string id = "sub" + std::to_string(round);
    ASSERT_TRUE(
        store_
            ->Ask(id, Call::Put{{.pattern = "events/*", .webhook_url = "https://w.example/"},
                                "http://host/v1/stream/"})
            .created);
    stop = true;
    writer.join();
    std::vector<std::string> there;
    for (const StreamInfo& info : store_->List({.prefix = "events/", .page_size = 1000}).streams) {
      there.push_back(info.path);
    }
    std::vector<std::string> linked;
    for (const SubscriptionLink& link : store_->Ask(id, Call::Get{}).info.links) {
      linked.push_back(link.path);
      if (link.path.starts_with("events/old")) {
        EXPECT_EQ(link.acked->position, 3u);
      }
    }
    ASSERT_THAT(linked, testing::ElementsAreArray(there));
  }
}

TEST_F(SubscriptionBookTest, ManyMayAskForTheSameAtOnce) {
  std::atomic<int> created{0};
  std::atomic<int> answers{0};
  constexpr int kTimes = 20;
  for (int i = 0; i < kTimes; ++i) {
    const PathPattern pattern = *PathPattern::Parse(i % 2 == 0 ? "events/*" : "events/**");
    SubscriptionCall call{"sub",
                          Call::Put{{.pattern = pattern, .webhook_url = "https://w.example/"}, ""}};
    engine_->Subscriptions(std::move(call), [&](const SubscriptionAnswer& answer) {
      created += answer.created ? 1 : 0;
      ++answers;
    });
  }
  while (answers < kTimes) std::this_thread::yield();
  EXPECT_EQ(created, 1);
  EXPECT_EQ(store_->Ask("sub", Call::Get{}).status, absl::OkStatus());
}

TEST_F(SubscriptionBookTest, EndingAnswersThoseWhoWaitForAPattern) {
  for (int i = 0; i < 2'000; ++i) store_->Make("events/" + std::to_string(i));
  std::atomic<int> answers{0};
  constexpr int kTimes = 50;
  for (int i = 0; i < kTimes; ++i) {
    engine_->Subscriptions({"sub" + std::to_string(i),
                            Call::Put{{.pattern = "**", .webhook_url = "https://w.example/"}, ""}},
                           [&](const SubscriptionAnswer&) { ++answers; });
  }
  store_.reset();
  engine_.reset();
  EXPECT_EQ(answers, kTimes);
}

TEST_F(SubscriptionBookTest, PatternsThatWouldTakeLongAreRefused) {
  const auto put = [&](int i) {
    const PathPattern pattern = *PathPattern::Parse("**/" + std::to_string(i));
    return store_->Ask("sub" + std::to_string(i),
                       Call::Put{{.pattern = pattern, .webhook_url = "https://w.example/"}, ""});
  };
  const int most = static_cast<int>(PatternIndex::kMaxFloating);
  for (int i = 0; i < most; ++i) ASSERT_TRUE(put(i).status.ok()) << i;
  EXPECT_EQ(Code(put(most)), ErrorCode::kInvalidSubscription);
  EXPECT_TRUE(put(0).status.ok()) << "those that are there may be asked for again";
  store_->Ask("sub0", Call::Delete{});
  EXPECT_TRUE(put(most).status.ok());
}

TEST_F(SubscriptionBookTest, WhetherThereIsASubscriptionIsNotToldToThoseWithoutAToken) {
  PutPullWake();
  for (const char* const id : {"sub", "none"}) {
    const Call::WakeReference wake{"bad", "w_1", 1};
    EXPECT_EQ(Code(store_->Ask(id, Call::Ack{SubscriptionType::kPullWake, wake, {}, true})),
              ErrorCode::kTokenInvalid);
    EXPECT_EQ(Code(store_->Ask(id, Call::Release{wake})), ErrorCode::kTokenInvalid);
  }
}

TEST_F(SubscriptionBookTest, ALinkFollowsItsStreamsIncarnations) {
  PutPullWake();
  store_->Ask("sub", Call::AddStreams{{"named"}});
  for (const char* path : {"events/a", "named"}) store_->Make(path, "", "first");
  store_->Delete({"events/a"});
  store_->Delete({"named"});
  EXPECT_THAT(Links(), ElementsAre("named explicit"));
  EXPECT_EQ(Code(Claim()), ErrorCode::kNoPendingWork);
  for (const char* path : {"events/a", "named"}) store_->Make(path, "", "second");
  const SubscriptionAnswer claim = Claim();
  ASSERT_EQ(claim.work.size(), 2u);
  for (const SubscriptionLink& link : claim.work) EXPECT_FALSE(link.acked.has_value());
}

TEST_F(SubscriptionBookTest, WhatAForkInheritsIsNoNews) {
  store_->Make("source", "", "inherited");
  PutPullWake();
  store_->Create({.path = "events/fork", .fork = ForkPoint{.source_path = "source"}});
  EXPECT_EQ(Code(Claim()), ErrorCode::kNoPendingWork);
  store_->Add("events/fork", "own");
  const SubscriptionAnswer claim = Claim();
  ASSERT_EQ(claim.work.size(), 1u);
  EXPECT_EQ(claim.work[0].acked->position, 9u);
}

// Webhooks.

TEST_F(SubscriptionBookTest, AWebhookTellsWhatIsPendingAndHowToAnswer) {
  PutWebhook("a sub");
  store_->Make("events/a", "", "data");
  Tick();
  ASSERT_EQ(outbox_->size(), 1u);
  const Outbox::Sent sent = outbox_->Take();
  EXPECT_EQ(sent.request.url, "https://w.example/");
  EXPECT_TRUE(absl::StartsWith(sent.request.signature, "t=1800000000,kid=ds_"));
  EXPECT_EQ(sent.body["subscription_id"], "a sub");
  EXPECT_EQ(sent.body["generation"], 1);
  EXPECT_EQ(sent.body["callback_url"], "http://host/v1/stream/__ds/subscriptions/a%20sub/callback");
  EXPECT_EQ(sent.body["streams"][0]["path"], "events/a");
  EXPECT_EQ(sent.body["streams"][0]["acked_offset"], "-1");
}

TEST_F(SubscriptionBookTest, DoneAcksTheSnapshotAndWhatCameLaterWakesAgain) {
  PutWebhook();
  store_->Make("events/a", "", "one");
  Tick();
  Outbox::Sent first = outbox_->Take();
  store_->Add("events/a", "two");
  Tick();
  EXPECT_EQ(outbox_->size(), 0u);  // a wake is out
  first.done({.taken = true, .done = true});
  Tick();
  EXPECT_EQ(Acked("events/a")->position, 3u);
  ASSERT_EQ(outbox_->size(), 1u);
  Outbox::Sent second = outbox_->Take();
  EXPECT_EQ(second.body["generation"], 2);
  EXPECT_NE(second.body["wake_id"], first.body["wake_id"]);
  second.done({.taken = true, .done = true});
  Tick();
  EXPECT_EQ(Acked("events/a")->position, 6u);
  EXPECT_EQ(outbox_->size(), 0u);
}

TEST_F(SubscriptionBookTest, ACallbackBeforeTheResponseIsTheEndOfTheWake) {
  PutWebhook();
  const Offset tail = store_->Make("events/a", "", "one").tail;
  Tick();
  Outbox::Sent sent = outbox_->Take();
  const SubscriptionAnswer ack = store_->Ask(
      "sub",
      Call::Ack{
          SubscriptionType::kWebhook, Reference(sent.body), {{"events/a", tail.ToString()}}, true});
  ASSERT_TRUE(ack.status.ok());
  EXPECT_FALSE(ack.next_wake);
  sent.done({.taken = false, .failure = "timed out"});  // the response was lost
  Advance(absl::Hours(1));
  EXPECT_EQ(outbox_->size(), 0u);
  store_->Add("events/a", "two");
  Tick();
  ASSERT_EQ(outbox_->size(), 1u);
  EXPECT_EQ(outbox_->Take().body["generation"], 2);
}

TEST_F(SubscriptionBookTest, AReceiverThatIsAwayForAnHourIsTriedWithBackoff) {
  PutWebhook();
  const Offset tail = store_->Make("events/a", "", "one").tail;
  uint64_t generation = 0;
  int attempts = 0;
  const absl::Time end = clock_.Now() + absl::Hours(1);
  Tick();
  while (clock_.Now() < end) {
    while (outbox_->size() > 0) {
      Outbox::Sent sent = outbox_->Take();
      ++attempts;
      EXPECT_GE(sent.body["generation"].get<uint64_t>(), generation);
      generation = sent.body["generation"];
      sent.done({.taken = false, .failure = "unreachable"});
      Tick();
    }
    EXPECT_TRUE(attempts == 0 || store_->Ask("sub", Call::Get{}).info.failed);
    Advance(absl::Seconds(1));
  }
  // 1, 2, 4, … 60 s: some six to begin with, then one a minute, give or take the jitter.
  EXPECT_GE(attempts, 50);
  EXPECT_LE(attempts, 90);
  Advance(absl::Minutes(2));
  ASSERT_EQ(outbox_->size(), 1u);
  outbox_->Take().done({.taken = true, .done = true});
  Tick();
  EXPECT_EQ(Acked("events/a"), tail);
  EXPECT_FALSE(store_->Ask("sub", Call::Get{}).info.failed);
}

TEST_F(SubscriptionBookTest, ALeaseThatEndsBringsANewWakeAndFencesTheOld) {
  PutWebhook();
  store_->Make("events/a", "", "one");
  Tick();
  Outbox::Sent first = outbox_->Take();
  first.done({.taken = true});
  Tick();
  Advance(absl::Seconds(29));
  EXPECT_EQ(outbox_->size(), 0u);
  Advance(absl::Seconds(2));
  ASSERT_EQ(outbox_->size(), 1u);
  EXPECT_EQ(outbox_->Take().body["generation"], 2);
  EXPECT_EQ(Code(store_->Ask("sub", Call::Ack{SubscriptionType::kWebhook, Reference(first.body)})),
            ErrorCode::kFenced);
}

TEST_F(SubscriptionBookTest, AHangingReceiverCountsAsFailedWhenItsLeaseEnds) {
  PutWebhook();
  store_->Make("events/a", "", "one");
  Tick();
  ASSERT_EQ(outbox_->size(), 1u);  // and stays there
  Advance(absl::Seconds(30));
  EXPECT_EQ(outbox_->size(), 1u);
  EXPECT_TRUE(store_->Ask("sub", Call::Get{}).info.failed);
  Advance(absl::Seconds(2));
  EXPECT_EQ(outbox_->size(), 2u);
}

// Pull-wake.

TEST_F(SubscriptionBookTest, AWorkerClaimsAcksAndIsWokenAgain) {
  store_->Make("wake", "application/json");
  PutPullWake();
  const Offset one = store_->Make("events/a", "", "one").tail;
  EXPECT_THAT(WakeEvents(), ElementsAre(1u));
  const SubscriptionAnswer claim = Claim("w1");
  ASSERT_TRUE(claim.status.ok());
  ASSERT_EQ(claim.work.size(), 1u);
  EXPECT_EQ(claim.work[0].tail, one);
  const SubscriptionAnswer busy = Claim("w2");
  EXPECT_EQ(Code(busy), ErrorCode::kAlreadyClaimed);
  EXPECT_EQ(busy.holder, "w1");
  EXPECT_EQ(busy.generation, 1u);
  store_->Add("events/a", "two");
  const SubscriptionAnswer ack = store_->Ask(
      "sub",
      Call::Ack{
          SubscriptionType::kPullWake, Reference(claim), {{"events/a", one.ToString()}}, true});
  ASSERT_TRUE(ack.status.ok());
  EXPECT_TRUE(ack.next_wake);
  EXPECT_THAT(WakeEvents(), ElementsAre(1u, 2u));
}

TEST_F(SubscriptionBookTest, AcksAreHeartbeats) {
  PutPullWake();
  store_->Make("events/a", "", "one");
  const SubscriptionAnswer claim = Claim();
  const Call::Ack heartbeat{SubscriptionType::kPullWake, Reference(claim)};
  for (int i = 0; i < 5; ++i) {
    Advance(absl::Seconds(29));
    EXPECT_TRUE(store_->Ask("sub", heartbeat).status.ok());
  }
  Advance(absl::Seconds(31));
  EXPECT_EQ(Code(store_->Ask("sub", heartbeat)), ErrorCode::kFenced);
  EXPECT_EQ(Claim("next").generation, 2u);
}

TEST_F(SubscriptionBookTest, AReleaseWakesTheNext) {
  store_->Make("wake", "application/json");
  PutPullWake();
  store_->Make("events/a", "", "one");
  const SubscriptionAnswer claim = Claim();
  ASSERT_TRUE(store_->Ask("sub", Call::Release{Reference(claim)}).status.ok());
  EXPECT_THAT(WakeEvents(), ElementsAre(1u, 2u));
  EXPECT_EQ(Code(store_->Ask("sub", Call::Release{Reference(claim)})), ErrorCode::kFenced);
  EXPECT_FALSE(Acked("events/a").has_value());
}

TEST_F(SubscriptionBookTest, AWakeWaitsForItsStream) {
  PutPullWake();
  store_->Make("events/a", "", "one");
  Reopen();
  store_->Make("wake", "application/json");
  EXPECT_THAT(WakeEvents(), ElementsAre(1u));
}

TEST_F(SubscriptionBookTest, AWakeStreamOfTextGetsLines) {
  store_->Make("wake", "text/plain");
  PutPullWake();
  store_->Make("events/a", "", "one");
  const std::string events = store_->All("wake");
  ASSERT_TRUE(events.ends_with("}\n"));
  EXPECT_EQ(Json::parse(events)["stream"], "events/a");
}

TEST_F(SubscriptionBookTest, AcksOutOfRangeChangeNothing) {
  PutPullWake();
  const Offset tail = store_->Make("events/a", "application/json", R"([{"a":1},{"b":2}])").tail;
  store_->Make("events/b", "", "one");
  const SubscriptionAnswer claim = Claim();
  const auto ack = [&](const std::string& path, const std::string& offset) {
    return store_->Ask(
        "sub", Call::Ack{SubscriptionType::kPullWake,
                         Reference(claim),
                         {{"events/b", claim.work[1].tail.ToString()}, {Named(path), offset}}});
  };
  for (const std::string& offset :
       {std::string("-1"), std::string("junk"),
        Offset{tail.incarnation, tail.position + 1}.ToString(),
        Offset{tail.incarnation, 3}.ToString(), Offset{tail.incarnation + 100, 1}.ToString()}) {
    EXPECT_EQ(Code(ack("events/a", offset)), ErrorCode::kAckRejected) << offset;
  }
  EXPECT_EQ(Code(ack("events/c", tail.ToString())), ErrorCode::kAckRejected);
  EXPECT_FALSE(Acked("events/b").has_value());
  ASSERT_TRUE(ack("events/a", tail.ToString()).status.ok());
  // Before the cursor.
  EXPECT_EQ(Code(ack("events/a", Offset{tail.incarnation, 7}.ToString())), ErrorCode::kAckRejected);
}

TEST_F(SubscriptionBookTest, OneTypesEndpointsRefuseTheOther) {
  PutWebhook();
  EXPECT_EQ(Code(Claim()), ErrorCode::kInvalidSubscription);
  store_->Make("events/a", "", "one");
  Tick();
  const Outbox::Sent sent = outbox_->Take();
  EXPECT_EQ(Code(store_->Ask("sub", Call::Ack{SubscriptionType::kPullWake, Reference(sent.body)})),
            ErrorCode::kInvalidSubscription);
  EXPECT_EQ(Code(store_->Ask("sub", Call::Release{Reference(sent.body)})),
            ErrorCode::kInvalidSubscription);
  Call::WakeReference wrong = Reference(sent.body);
  wrong.token += "x";
  EXPECT_EQ(Code(store_->Ask("sub", Call::Ack{SubscriptionType::kWebhook, wrong})),
            ErrorCode::kTokenInvalid);
}

// What lasts.

TEST_F(SubscriptionBookTest, AReopenedDirectoryKnowsItsWakes) {
  PutWebhook();
  store_->Make("events/a", "", "one");
  Tick();
  const Outbox::Sent before = outbox_->Take();
  Reopen();
  Tick();
  ASSERT_EQ(outbox_->size(), 1u);
  Outbox::Sent after = outbox_->Take();
  // The same wake, since nobody knows whether it arrived; and the old token still acts for it.
  EXPECT_EQ(after.body["wake_id"], before.body["wake_id"]);
  EXPECT_EQ(after.body["generation"], before.body["generation"]);
  EXPECT_TRUE(store_->Ask("sub", Call::Ack{SubscriptionType::kWebhook, Reference(before.body)})
                  .status.ok());
}

TEST_F(SubscriptionBookTest, AReopenedDirectoryKnowsWhenToRetry) {
  PutWebhook();
  store_->Make("events/a", "", "one");
  Tick();
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(outbox_->size(), 1u);
    outbox_->Take().done({.taken = false});
    Tick();
    if (i < 3) Advance(absl::Seconds(10));
  }
  Reopen();  // the next attempt is 6.4 s away or more
  Advance(absl::Seconds(6));
  EXPECT_EQ(outbox_->size(), 0u);
  Advance(absl::Seconds(4));
  EXPECT_EQ(outbox_->size(), 1u);
}

TEST_F(SubscriptionBookTest, CursorsAndPendingWorkSurviveAReopening) {
  PutPullWake();
  const Offset one = store_->Make("events/a", "", "one").tail;
  store_->Add("events/a", "two");
  store_->Make("events/b", "", "b");
  const SubscriptionAnswer claim = Claim();
  ASSERT_TRUE(store_
                  ->Ask("sub", Call::Ack{SubscriptionType::kPullWake,
                                         Reference(claim),
                                         {{"events/a", one.ToString()}}})
                  .status.ok());
  Reopen();
  EXPECT_EQ(Acked("events/a"), one);
  EXPECT_EQ(Code(Claim("other")), ErrorCode::kAlreadyClaimed);
  Advance(absl::Seconds(31));
  const SubscriptionAnswer again = Claim("other");
  EXPECT_EQ(again.generation, 2u);
  ASSERT_EQ(again.work.size(), 2u);
  EXPECT_EQ(again.work[0].acked, one);
}

TEST_F(SubscriptionBookTest, GenerationsOutliveADeletion) {
  PutPullWake();
  store_->Make("events/a", "", "one");
  const SubscriptionAnswer claim = Claim();
  ASSERT_TRUE(store_->Ask("sub", Call::Delete{}).status.ok());
  EXPECT_EQ(Code(store_->Ask("sub", Call::Release{Reference(claim)})),
            ErrorCode::kSubscriptionNotFound);
  EXPECT_EQ(Code(store_->Ask("sub", Call::Get{})), ErrorCode::kSubscriptionNotFound);
  Reopen();
  EXPECT_TRUE(PutPullWake().created);
  store_->Add("events/a", "two");
  const SubscriptionAnswer next = Claim();
  EXPECT_EQ(next.generation, 2u);
  EXPECT_EQ(Code(store_->Ask("sub", Call::Release{Reference(claim)})), ErrorCode::kFenced);
}

TEST_F(SubscriptionBookTest, TheSigningKeyIsTheSameUntilItIsRotated) {
  const auto keys = [&] {
    std::vector<std::string> ids;
    for (const PublicKey& key : store_->Ask("", Call::SigningKeys{}).keys) ids.push_back(key.id);
    return ids;
  };
  const std::vector<std::string> first = keys();
  ASSERT_EQ(first.size(), 1u);
  Reopen();
  EXPECT_EQ(keys(), first);
  store_->Ask("", Call::RotateSigningKey{});
  Reopen();
  const std::vector<std::string> both = keys();
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[1], first[0]);
  EXPECT_EQ(PutWebhook().info.signing_key_id, both[0]);
  Advance(absl::Hours(2));
  EXPECT_THAT(keys(), ElementsAre(both[0]));
}

TEST_F(SubscriptionBookTest, AFailedWriteLeavesSubscriptionsAsTheyWere) {
  PutPullWake();
  const Offset one = store_->Make("events/a", "", "one").tail;
  const SubscriptionAnswer claim = Claim();
  const Call::Ack done{
      SubscriptionType::kPullWake, Reference(claim), {{"events/a", one.ToString()}}, true};
  env_.fail_append = true;
  EXPECT_FALSE(store_->Ask("sub", done).status.ok());
  EXPECT_FALSE(store_->Ask("sub", Call::Delete{}).status.ok());
  env_.fail_append = false;
  clock_.Advance(absl::Seconds(1));
  EXPECT_FALSE(Acked("events/a").has_value());
  EXPECT_TRUE(store_->Ask("sub", done).status.ok());
  EXPECT_EQ(Acked("events/a"), one);
  EXPECT_EQ(Code(Claim()), ErrorCode::kNoPendingWork);
}

TEST_F(SubscriptionBookTest, ASubscriptionDoesNotWakeItself) {
  store_->Make("events/wake", "application/json");
  store_->Ask("sub", Call::Put{{.type = SubscriptionType::kPullWake,
                                .pattern = "events/*",
                                .wake_stream = "events/wake"},
                               ""});
  EXPECT_THAT(Links(), IsEmpty());
  const Offset one = store_->Make("events/a", "", "one").tail;
  EXPECT_THAT(Links(), ElementsAre("events/a glob"));
  const SubscriptionAnswer claim = Claim();
  EXPECT_FALSE(store_
                   ->Ask("sub", Call::Ack{SubscriptionType::kPullWake,
                                          Reference(claim),
                                          {{"events/a", one.ToString()}},
                                          true})
                   .next_wake);
}

}  // namespace
}  // namespace ds

// What a RemoteStore does beside the contract of all stores: how it ends, and how its sessions do.

#include "storage/rpc/remote_store.h"

#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "storage/api/sync_store.h"
#include "storage/engine/engine.h"
#include "storage/rpc/service.h"

namespace ds::rpc {
namespace {

class RemoteStoreTest : public ::testing::Test {
 protected:
  RemoteStoreTest() {
    engine_ = *Engine::Open({}, Clock::System());
    server_ = *RpcServer::Start({"127.0.0.1:0", 64u << 20}, *engine_);
    SyncStore(*engine_).Make("s");
  }

  std::unique_ptr<RemoteStore> Connect() {
    auto store = *RemoteStore::Connect({server_->address()});
    EXPECT_TRUE(SyncStore(*store).Head({.path = "s"}).status.ok());
    return store;
  }

  std::unique_ptr<Engine> engine_;
  std::unique_ptr<RpcServer> server_;
};

TEST_F(RemoteStoreTest, EndsWhileMessagesAreOnTheirWay) {
  for (int round = 0; round < 300; ++round) {
    std::unique_ptr<RemoteStore> store = Connect();
    std::atomic<int> answers{0};
    const int calls = round % 4;
    // Large enough that the message is still being written when the store ends.
    for (int i = 0; i < calls; ++i) {
      AppendRequest append{.path = "s", .content_type = "application/octet-stream"};
      append.body.assign(round % 2 == 0 ? 1 << 20 : 10, 'x');
      store->Append(std::move(append), [&](const AppendResult&) { ++answers; });
    }
    store.reset();
    EXPECT_EQ(answers, calls);
  }
}

TEST_F(RemoteStoreTest, EndsWhileTheStorageDoes) {
  for (int round = 0; round < 20; ++round) {
    std::unique_ptr<RemoteStore> store = Connect();
    std::atomic<int> answers{0};
    for (int i = 0; i < 20; ++i) {
      store->Head({.path = "s"}, [&](const HeadResult&) { ++answers; });
    }
    std::thread stopping([this] { server_->Stop(absl::Seconds(5)); });
    if (round % 2 == 0) absl::SleepFor(absl::Milliseconds(round));
    store.reset();
    EXPECT_EQ(answers, 20);
    stopping.join();
    server_ = *RpcServer::Start({"127.0.0.1:0", 64u << 20}, *engine_);
  }
}

TEST_F(RemoteStoreTest, FindsAStorageThatWasStartedAgain) {
  const std::unique_ptr<RemoteStore> store = Connect();
  const std::string address = server_->address();
  for (int round = 0; round < 5; ++round) {
    server_->Stop(absl::Seconds(5));
    server_ = *RpcServer::Start({address, 64u << 20}, *engine_);
    const absl::Time begin = absl::Now();
    absl::Status status = absl::UnavailableError("not asked");
    while (!status.ok() && absl::Now() - begin < absl::Seconds(10)) {
      status = SyncStore(*store).Head({.path = "s"}).status;
    }
    EXPECT_TRUE(status.ok()) << status;
  }
}

// Holds the thread that brings events until it is told to go on.
class Barrier {
 public:
  void Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    opened_.wait(lock, [this] { return open_; });
  }
  void Open() {
    const std::lock_guard<std::mutex> lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

class SlowTailObserver final : public TailObserver {
 public:
  void OnTail(const TailEvent& event) override {
    barrier.Wait();
    queue.events.Push(event);
  }
  Barrier barrier;
  QueueingTailObserver queue;
};

TEST_F(RemoteStoreTest, WhoFallsBehindIsToldOnceAndWhatCameBeforeIsWhole) {
  const std::unique_ptr<RemoteStore> store = Connect();
  const auto follower = std::make_shared<SlowTailObserver>();
  const auto watcher = std::make_shared<QueueingWatchObserver>();
  std::promise<HeadResult> ready;
  const auto tail = store->Tail("s", follower, [&](const HeadResult& h) { ready.set_value(h); });
  ASSERT_TRUE(ready.get_future().get().status.ok());
  const auto watch = store->Watch("w/*", watcher);
  ASSERT_TRUE(SyncStore(*store).Head({.path = "s"}).status.ok());

  // More than a session keeps: the follower's events fill it, the watcher's find no room.
  SyncStore engine(*engine_);
  const std::string megabyte(1 << 20, 'x');
  constexpr int kAppends = 100;
  for (int i = 0; i < kAppends; ++i) ASSERT_TRUE(engine.Add("s", megabyte).status.ok());
  for (int i = 0; i < 3; ++i) engine.Make("w/" + std::to_string(i));
  follower->barrier.Open();

  uint64_t position = 0;
  int events = 0;
  std::optional<TailEvent> event = follower->queue.events.Next();
  for (; event && event->kind == TailEvent::Kind::kData; event = follower->queue.events.Next()) {
    EXPECT_EQ(event->start.position, position);
    position = event->next.position;
    ++events;
  }
  EXPECT_GT(events, 50);
  EXPECT_LT(events, kAppends);
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->kind, TailEvent::Kind::kLost);

  EXPECT_EQ(watcher->events.Next()->kind, ChangeEvent::Kind::kLost);
  engine.Make("w/later");
  const std::optional<ChangeEvent> later = watcher->events.Next();
  ASSERT_TRUE(later.has_value());
  EXPECT_EQ(later->path, "w/later");
  // After its last word the follower hears nothing, and may follow anew.
  ASSERT_TRUE(engine.Add("s", "more").status.ok());
  EXPECT_FALSE(follower->queue.events.Next(absl::Milliseconds(200)).has_value());
}

TEST_F(RemoteStoreTest, AWatchGoesOnAfterABreakAndSaysThatThereWasOne) {
  const std::unique_ptr<RemoteStore> store = Connect();
  const auto watcher = std::make_shared<QueueingWatchObserver>();
  const auto watch = store->Watch("w/*", watcher);
  SyncStore remote(*store);
  ASSERT_TRUE(remote.Head({.path = "s"}).status.ok());
  remote.Make("w/before");
  EXPECT_EQ(watcher->events.Next()->path, "w/before");

  const std::string address = server_->address();
  server_->Stop(absl::Seconds(5));
  SyncStore(*engine_).Make("w/missed");
  server_ = *RpcServer::Start({address, 64u << 20}, *engine_);
  const std::optional<ChangeEvent> lost = watcher->events.Next();
  ASSERT_TRUE(lost.has_value());
  EXPECT_EQ(lost->kind, ChangeEvent::Kind::kLost);
  // What is asked for now tells of all that the watch does not.
  const ListResult list = remote.List({.prefix = "w/"});
  EXPECT_EQ(list.streams.size(), 2u);
  remote.Make("w/after");
  EXPECT_EQ(watcher->events.Next()->path, "w/after");
}

}  // namespace
}  // namespace ds::rpc

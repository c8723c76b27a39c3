// What a RemoteStore does beside the contract of all stores: how it ends, and how its sessions do.

#include "storage/rpc/remote_store.h"

#include <atomic>
#include <memory>
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

}  // namespace
}  // namespace ds::rpc

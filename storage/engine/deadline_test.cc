// A disk that does not answer: whoever waits for it is answered by their deadline.

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "gtest/gtest.h"
#include "rocksdb/env.h"
#include "storage/api/errors.h"
#include "storage/api/sync_store.h"
#include "storage/engine/engine.h"

namespace ds {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Files whose syncs do not return while `Hang` is in force.
class HangingEnv final : public rocksdb::EnvWrapper {
 public:
  HangingEnv() : EnvWrapper(rocksdb::Env::Default()) {}
  const char* Name() const override { return "HangingEnv"; }

  rocksdb::Status NewWritableFile(const std::string& name,
                                  std::unique_ptr<rocksdb::WritableFile>* result,
                                  const rocksdb::EnvOptions& options) override {
    std::unique_ptr<rocksdb::WritableFile> file;
    rocksdb::Status status = EnvWrapper::NewWritableFile(name, &file, options);
    if (status.ok()) *result = std::make_unique<File>(*this, std::move(file));
    return status;
  }

  void Hang() {
    const std::lock_guard<std::mutex> lock(mutex_);
    hangs_ = true;
  }
  // Lets one sync that hangs go on.
  void GoOnOnce() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++released_;
    changed_.notify_all();
  }
  void GoOn() {
    const std::lock_guard<std::mutex> lock(mutex_);
    hangs_ = false;
    changed_.notify_all();
  }
  // Waits until a sync hangs.
  void WaitForSync() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return hanging_ > 0; });
  }

 private:
  class File final : public rocksdb::WritableFileWrapper {
   public:
    File(HangingEnv& env, std::unique_ptr<rocksdb::WritableFile> file)
        : WritableFileWrapper(file.get()), env_(env), file_(std::move(file)) {}
    rocksdb::Status Sync() override {
      env_.Wait();
      return WritableFileWrapper::Sync();
    }
    rocksdb::Status Fsync() override { return Sync(); }

   private:
    HangingEnv& env_;
    std::unique_ptr<rocksdb::WritableFile> file_;
  };

  void Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    ++hanging_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !hangs_ || released_ > 0; });
    --hanging_;
    if (hangs_) --released_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  bool hangs_ = false;
  int hanging_ = 0;
  int released_ = 0;
};

class DeadlineTest : public testing::Test {
 protected:
  static constexpr auto kTimeout = milliseconds(200);
  static constexpr auto kLate = milliseconds(300);

  DeadlineTest() {
    std::string name = testing::TempDir() + "/deadline-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    options_.database.directory = directory_ + "/data";
    options_.database.env = &env_;
    auto engine = Engine::Open(options_, Clock::System());
    EXPECT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    store_.emplace(*engine_);
    EXPECT_TRUE(store_->Make("s").status.ok());
  }
  ~DeadlineTest() override {
    env_.GoOn();
    store_.reset();
    engine_.reset();
    std::filesystem::remove_all(directory_);
  }

  static CallContext Soon() { return {.deadline = steady_clock::now() + kTimeout}; }
  static AppendRequest Add(std::string body, CallContext context) {
    return {.path = "s",
            .content_type = "application/octet-stream",
            .body = std::move(body),
            .context = context};
  }
  std::future<absl::Status> AppendLater(AppendRequest request) {
    auto promise = std::make_shared<std::promise<absl::Status>>();
    engine_->Append(std::move(request),
                    [promise](AppendResult result) { promise->set_value(result.status); });
    return promise->get_future();
  }
  // What a call that is made now is answered with, in time.
  template <typename Call>
  ErrorCode InTime(Call call) {
    const SteadyTime begun = steady_clock::now();
    const absl::Status status = call();
    const auto took = steady_clock::now() - begun;
    EXPECT_GE(took, kTimeout - milliseconds(1));
    EXPECT_LT(took, kTimeout + kLate);
    EXPECT_FALSE(status.ok());
    return status.ok() ? ErrorCode::kInternal : GetErrorCode(status);
  }
  // Has the disk hang in the commit of an append with a deadline far away.
  std::future<absl::Status> Hang() {
    env_.Hang();
    std::future<absl::Status> hanging = AppendLater(Add("first;", {}));
    env_.WaitForSync();
    return hanging;
  }

  HangingEnv env_;
  std::string directory_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  std::optional<SyncStore> store_;
};

TEST_F(DeadlineTest, WhatIsInTheCommitMayHaveBeenApplied) {
  env_.Hang();
  EXPECT_EQ(InTime([&] { return store_->Append(Add("one;", Soon())).status; }),
            ErrorCode::kWriteUncertain);
  env_.GoOn();
  // It was, and what comes later follows it.
  EXPECT_TRUE(store_->Append(Add("two;", {})).status.ok());
  EXPECT_EQ(store_->All("s"), "one;two;");
}

TEST_F(DeadlineTest, WhatWaitsForItsTurnIsRefusedAndLeavesNothing) {
  std::future<absl::Status> hanging = Hang();
  const auto create = [&] { return store_->Create({.path = "new", .context = Soon()}).status; };
  EXPECT_EQ(InTime([&] { return store_->Append(Add("lost;", Soon())).status; }),
            ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(InTime(create), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(InTime([&] { return store_->Delete({.path = "s", .context = Soon()}).status; }),
            ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(
      InTime([&] { return store_->Ask("sub", SubscriptionCall::Claim{"worker"}, Soon()).status; }),
      ErrorCode::kDeadlineExceeded);
  // One without a deadline waits, behind those that went.
  std::future<absl::Status> waiting = AppendLater(Add("second;", {}));
  EXPECT_EQ(InTime([&] { return store_->Append(Add("lost;", Soon())).status; }),
            ErrorCode::kDeadlineExceeded);
  env_.GoOn();
  EXPECT_TRUE(hanging.get().ok());
  EXPECT_TRUE(waiting.get().ok());
  EXPECT_EQ(store_->All("s"), "first;second;");
  EXPECT_EQ(GetErrorCode(store_->Head({.path = "new"}).status), ErrorCode::kStreamNotFound);
}

// What the commit thread has taken from the queue, but not done before the disk hung.
TEST_F(DeadlineTest, WhatWaitsForACommitOfTheSameTurnIsAnsweredToo) {
  std::future<absl::Status> hanging = Hang();
  std::vector<std::future<absl::Status>> waiting;
  const CallContext context = Soon();
  // To use a stream that the batch deletes needs the batch committed first.
  engine_->Delete({.path = "s"}, [](const DeleteResult&) {});
  for (int i = 0; i < 3; ++i) waiting.push_back(AppendLater(Add("lost;", context)));
  // The first turn ends; the second one hangs in the midst of it.
  env_.GoOnOnce();
  EXPECT_TRUE(hanging.get().ok());
  env_.WaitForSync();
  std::vector<ErrorCode> codes;
  for (std::future<absl::Status>& answer : waiting) {
    ASSERT_EQ(answer.wait_until(context.deadline + kLate), std::future_status::ready);
    EXPECT_GE(steady_clock::now(), context.deadline);
    codes.push_back(GetErrorCode(answer.get()));
  }
  EXPECT_EQ(codes, (std::vector<ErrorCode>{ErrorCode::kWriteUncertain, ErrorCode::kDeadlineExceeded,
                                           ErrorCode::kDeadlineExceeded}));
}

TEST_F(DeadlineTest, ReadsGoOn) {
  std::future<absl::Status> hanging = Hang();
  EXPECT_TRUE(store_->Read({.path = "s", .context = Soon()}).status.ok());
  EXPECT_TRUE(store_->Head({.path = "s", .context = Soon()}).status.ok());
  env_.GoOn();
  EXPECT_TRUE(hanging.get().ok());
}

TEST_F(DeadlineTest, AProducersRepetitionTellsWhatBecameOfIt) {
  const auto produce = [](CallContext context) {
    AppendRequest request = Add("once;", context);
    request.producer = ProducerTag{"p", 0, 0};
    return request;
  };
  env_.Hang();
  EXPECT_EQ(InTime([&] { return store_->Append(produce(Soon())).status; }),
            ErrorCode::kWriteUncertain);
  EXPECT_EQ(InTime([&] { return store_->Append(produce(Soon())).status; }),
            ErrorCode::kDeadlineExceeded);
  env_.GoOn();
  const AppendResult repeated = store_->Append(produce({}));
  EXPECT_TRUE(repeated.status.ok());
  EXPECT_TRUE(repeated.duplicate);
  EXPECT_EQ(store_->All("s"), "once;");
}

}  // namespace
}  // namespace ds

// A storage that does not answer: every call is answered by its deadline, and the session lives on.

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "storage/api/errors.h"
#include "storage/api/sync_store.h"
#include "storage/rpc/remote_store.h"
#include "storage/rpc/service.h"

namespace ds::rpc {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Takes calls and says nothing, until it is told to answer.
class SilentStore final : public StreamStore {
 public:
  void Create(CreateRequest, Callback<CreateResult> done) override { Keep(std::move(done)); }
  void Append(AppendRequest request, Callback<AppendResult> done) override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      context = request.context;
    }
    Keep(std::move(done));
  }
  void Read(ReadRequest, Callback<ReadResult> done) override { Keep(std::move(done)); }
  void Head(HeadRequest, Callback<HeadResult> done) override { Keep(std::move(done)); }
  void Delete(DeleteRequest, Callback<DeleteResult> done) override { Keep(std::move(done)); }
  void List(ListRequest, Callback<ListResult> done) override { Keep(std::move(done)); }
  void Subscriptions(SubscriptionCall, Callback<SubscriptionAnswer> done) override {
    Keep(std::move(done));
  }
  std::unique_ptr<Subscription> Tail(StreamPath, std::shared_ptr<TailObserver>,
                                     Callback<HeadResult> ready) override {
    Keep(std::move(ready));
    return nullptr;
  }
  std::unique_ptr<Subscription> Watch(PathPattern, std::shared_ptr<WatchObserver>) override {
    return nullptr;
  }

  void AnswerAll() {
    std::vector<UniqueFunction<void()>> answers;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      answers.swap(answers_);
      answers_now_ = true;
    }
    for (UniqueFunction<void()>& answer : answers) answer();
  }
  CallContext last_context() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return context;
  }

 private:
  template <typename Result>
  void Keep(Callback<Result> done) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!answers_now_) {
        answers_.push_back([done = std::move(done)]() mutable { done(Result{}); });
        return;
      }
    }
    done(Result{});
  }

  std::mutex mutex_;
  // Guarded by mutex_.
  CallContext context;
  std::vector<UniqueFunction<void()>> answers_;
  bool answers_now_ = false;
};

class DeadlineTest : public testing::Test {
 protected:
  static constexpr auto kTimeout = milliseconds(150);
  static constexpr auto kLate = milliseconds(300);

  DeadlineTest() {
    server_ = *RpcServer::Start({"127.0.0.1:0"}, storage_);
    remote_ = *RemoteStore::Connect(
        {.target = server_->address(), .call_timeout = absl::FromChrono(kTimeout)});
    store_.emplace(*remote_);
  }
  ~DeadlineTest() override {
    remote_.reset();
    storage_.AnswerAll();
  }

  template <typename Call>
  ErrorCode InTime(Call call) {
    const SteadyTime begun = steady_clock::now();
    const absl::Status status = call(CallContext{.deadline = begun + kTimeout});
    const auto took = steady_clock::now() - begun;
    EXPECT_GE(took, kTimeout - milliseconds(1));
    EXPECT_LT(took, kTimeout + kLate);
    EXPECT_FALSE(status.ok());
    return status.ok() ? ErrorCode::kInternal : GetErrorCode(status);
  }
  // Once there is a session, so that what follows is sent.
  void WaitUntilConnected() {
    while (!remote_->connected()) std::this_thread::sleep_for(milliseconds(1));
  }
  static AppendRequest Add(CallContext context) {
    return {
        .path = "s", .content_type = "application/octet-stream", .body = "x", .context = context};
  }

  SilentStore storage_;
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<RemoteStore> remote_;
  std::optional<SyncStore> store_;
};

TEST_F(DeadlineTest, WritesThatWereSentMayHaveBeenApplied) {
  WaitUntilConnected();
  EXPECT_EQ(InTime([&](CallContext context) { return store_->Append(Add(context)).status; }),
            ErrorCode::kWriteUncertain);
  EXPECT_EQ(InTime([&](CallContext context) {
              return store_->Create({.path = "s", .context = context}).status;
            }),
            ErrorCode::kWriteUncertain);
  EXPECT_EQ(InTime([&](CallContext context) {
              return store_->Delete({.path = "s", .context = context}).status;
            }),
            ErrorCode::kWriteUncertain);
  EXPECT_EQ(InTime([&](CallContext context) {
              return store_->Ask("sub", SubscriptionCall::Claim{"worker"}, context).status;
            }),
            ErrorCode::kWriteUncertain);
}

TEST_F(DeadlineTest, ReadsAreRefused) {
  WaitUntilConnected();
  EXPECT_EQ(InTime([&](CallContext context) {
              return store_->Read({.path = "s", .context = context}).status;
            }),
            ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(InTime([&](CallContext context) {
              return store_->Head({.path = "s", .context = context}).status;
            }),
            ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(InTime([&](CallContext context) { return store_->List({.context = context}).status; }),
            ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(InTime([&](CallContext context) {
              return store_->Ask("sub", SubscriptionCall::Get{}, context).status;
            }),
            ErrorCode::kDeadlineExceeded);
}

// Such as the beginning of a live read, which belongs to no request.
TEST_F(DeadlineTest, CallsWithoutADeadlineGetOne) {
  WaitUntilConnected();
  EXPECT_EQ(InTime([&](CallContext) { return store_->Head({.path = "s"}).status; }),
            ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(InTime([&](CallContext) {
              std::promise<absl::Status> promise;
              const auto subscription =
                  remote_->Tail("s", std::make_shared<QueueingTailObserver>(),
                                [&](const HeadResult& head) { promise.set_value(head.status); });
              return promise.get_future().get();
            }),
            ErrorCode::kDeadlineExceeded);
}

TEST_F(DeadlineTest, TheSessionLivesOnAndLateAnswersHarmNobody) {
  WaitUntilConnected();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(InTime([&](CallContext context) { return store_->Append(Add(context)).status; }),
              ErrorCode::kWriteUncertain);
  }
  storage_.AnswerAll();
  EXPECT_TRUE(store_->Append(Add({})).status.ok());
  EXPECT_TRUE(store_->Head({.path = "s"}).status.ok());
}

TEST_F(DeadlineTest, TheStorageLearnsWhatIsLeft) {
  WaitUntilConnected();
  const SteadyTime begun = steady_clock::now();
  (void)store_->Append(Add({.deadline = begun + kTimeout}));
  const SteadyTime known = storage_.last_context().deadline;
  EXPECT_GT(known, begun + kTimeout / 2);
  EXPECT_LT(known, begun + kTimeout + kLate);
}

// A peer that takes the connection and says nothing, as a stopped process does.
TEST(DeadlineOfAConnectionTest, CallsAreAnsweredBeforeThereIsASession) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener, 16), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  auto remote =
      *RemoteStore::Connect({.target = "127.0.0.1:" + std::to_string(ntohs(address.sin_port))});
  SyncStore store(*remote);
  const SteadyTime begun = steady_clock::now();
  const absl::Status status = store
                                  .Append({.path = "s",
                                           .content_type = "application/octet-stream",
                                           .body = "x",
                                           .context = {.deadline = begun + milliseconds(200)}})
                                  .status;
  EXPECT_LT(steady_clock::now() - begun, milliseconds(500));
  EXPECT_EQ(GetErrorCode(status), ErrorCode::kDeadlineExceeded) << "it was never sent";
  remote.reset();
  close(listener);
}

}  // namespace
}  // namespace ds::rpc

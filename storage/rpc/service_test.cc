// The calls that internal clients make one by one, through a real server, and how sessions begin
// and end; what sessions carry is covered by store_contract_test.

#include "storage/rpc/service.h"

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "proto/durablestreams/v1/stream_store.grpc.pb.h"
#include "proto/grpc/health/v1/health.grpc.pb.h"
#include "storage/engine/engine.h"
#include "storage/rpc/convert.h"

namespace ds::rpc {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() {
    store_ = *Engine::Open({}, Clock::System());
    server_ = *RpcServer::Start({"127.0.0.1:0", 16u << 20}, *store_);
    channel_ = grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
    stub_ = pb::StreamStoreService::NewStub(channel_);
    health_ = Health::NewStub(channel_);
  }

  static void SetDeadline(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  }

  grpc::Status Create(const std::string& path, const std::string& content_type) {
    grpc::ClientContext context;
    SetDeadline(context);
    pb::CreateRequest request;
    request.set_path(path);
    request.set_content_type(content_type);
    return stub_->Create(&context, request, &created_);
  }

  grpc::Status Append(const std::string& path, const std::string& data, bool close = false) {
    grpc::ClientContext context;
    SetDeadline(context);
    pb::AppendRequest request;
    request.set_path(path);
    request.set_content_type("text/plain");
    request.set_body(data);
    request.set_close(close);
    const grpc::Status status = stub_->Append(&context, request, &appended_);
    const auto& metadata = context.GetServerTrailingMetadata();
    if (const auto it = metadata.find("durable-streams-error-bin"); it != metadata.end()) {
      error_.ParseFromString(std::string(it->second.data(), it->second.size()));
    }
    return status;
  }

  std::unique_ptr<StreamStore> store_;
  std::unique_ptr<RpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<pb::StreamStoreService::Stub> stub_;
  std::unique_ptr<Health::Stub> health_;
  pb::CreateResponse created_;
  pb::AppendResponse appended_;
  pb::ErrorDetail error_;
};

TEST_F(ServiceTest, AStreamLivesThroughUnaryCalls) {
  ASSERT_TRUE(Create("a/b", "text/plain").ok());
  EXPECT_TRUE(created_.created());
  ASSERT_TRUE(Append("a/b", "hello").ok());

  grpc::ClientContext read_context;
  pb::ReadRequest read;
  read.set_path("a/b");
  read.mutable_position()->set_beginning(true);
  pb::ReadResponse data;
  ASSERT_TRUE(stub_->Read(&read_context, read, &data).ok());
  EXPECT_EQ(data.data(), "hello");
  EXPECT_EQ(data.next(), appended_.tail());

  grpc::ClientContext head_context;
  pb::HeadRequest head;
  head.set_path("a/b");
  pb::HeadResponse info;
  ASSERT_TRUE(stub_->Head(&head_context, head, &info).ok());
  EXPECT_EQ(info.info().content_type(), "text/plain");

  grpc::ClientContext list_context;
  pb::ListRequest list;
  list.set_prefix("a/");
  pb::ListResponse page;
  ASSERT_TRUE(stub_->List(&list_context, list, &page).ok());
  ASSERT_EQ(page.streams_size(), 1);
  EXPECT_EQ(page.streams(0).path(), "a/b");

  grpc::ClientContext delete_context;
  pb::DeleteRequest remove;
  remove.set_path("a/b");
  pb::DeleteResponse removed;
  ASSERT_TRUE(stub_->Delete(&delete_context, remove, &removed).ok());
  EXPECT_EQ(Append("a/b", "late").error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ServiceTest, ARefusalCarriesItsDetails) {
  ASSERT_TRUE(Create("s", "text/plain").ok());
  ASSERT_TRUE(Append("s", "the end", /*close=*/true).ok());
  EXPECT_EQ(Append("s", "more").error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(error_.code(), "stream-closed");
  EXPECT_EQ(error_.append().tail(), appended_.tail());
}

TEST_F(ServiceTest, ATailReadsOnAndEndsWithTheStream) {
  ASSERT_TRUE(Create("s", "text/plain").ok());
  ASSERT_TRUE(Append("s", "one,").ok());
  grpc::ClientContext context;
  SetDeadline(context);
  pb::TailRequest request;
  request.set_path("s");
  request.mutable_position()->set_beginning(true);
  const auto reader = stub_->Tail(&context, request);
  std::string got;
  pb::TailResponse response;
  ASSERT_TRUE(reader->Read(&response));
  got += response.data();
  EXPECT_EQ(got, "one,");
  ASSERT_TRUE(Append("s", "two,").ok());
  ASSERT_TRUE(Append("s", "three", /*close=*/true).ok());
  bool closed = false;
  while (reader->Read(&response)) {
    got += response.data();
    closed = response.closed();
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(got, "one,two,three");
  EXPECT_TRUE(closed);
}

TEST_F(ServiceTest, ATailOfNothingIsRefused) {
  grpc::ClientContext context;
  SetDeadline(context);
  pb::TailRequest request;
  request.set_path("missing");
  request.mutable_position()->set_beginning(true);
  pb::TailResponse response;
  const auto reader = stub_->Tail(&context, request);
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ServiceTest, ACancelledTailLetsGo) {
  ASSERT_TRUE(Create("s", "text/plain").ok());
  grpc::ClientContext context;
  pb::TailRequest request;
  request.set_path("s");
  request.mutable_position()->set_beginning(true);
  pb::TailResponse response;
  const auto reader = stub_->Tail(&context, request);
  ASSERT_TRUE(reader->Read(&response));
  context.TryCancel();
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  // The server has no call left to wait for.
  server_->Stop(absl::Seconds(20));
}

TEST_F(ServiceTest, AWatchTellsOfWhatItsPatternNames) {
  grpc::ClientContext context;
  SetDeadline(context);
  pb::WatchRequest request;
  request.set_pattern("a/*");
  const auto reader = stub_->Watch(&context, request);
  reader->WaitForInitialMetadata();
  ASSERT_TRUE(Create("b/1", "text/plain").ok());
  ASSERT_TRUE(Create("a/1", "text/plain").ok());
  ASSERT_TRUE(Append("a/1", "x").ok());
  std::vector<std::string> seen;
  pb::WatchResponse response;
  while (seen.size() < 2 && reader->Read(&response)) {
    seen.push_back(response.path() + " " + pb::WatchResponse::Kind_Name(response.kind()));
  }
  EXPECT_THAT(seen, ::testing::ElementsAre("a/1 KIND_CREATED", "a/1 KIND_APPENDED"));
}

TEST_F(ServiceTest, ASessionCarriesTracesAndTimesAndEndsWhenItsClientIsDone) {
  ASSERT_TRUE(Create("s", "text/plain").ok());
  grpc::ClientContext context;
  SetDeadline(context);
  const auto session = stub_->Session(&context);
  pb::SessionRequest request;
  pb::SessionCall& call = *request.add_calls();
  call.set_id(1);
  call.set_timeout_ms(60'000);
  call.set_trace_high(1);
  call.set_trace_low(2);
  call.set_trace_span(3);
  call.mutable_append()->set_path("s");
  call.mutable_append()->set_content_type("text/plain");
  call.mutable_append()->set_body("in time");
  ASSERT_TRUE(session->Write(request));
  pb::SessionResponse response;
  ASSERT_TRUE(session->Read(&response));
  EXPECT_TRUE(response.answers(0).has_append());
  session->WritesDone();
  EXPECT_FALSE(session->Read(&response));
  EXPECT_TRUE(session->Finish().ok());
}

TEST_F(ServiceTest, ADrainedSessionAnswersWhatWasSentAndEnds) {
  ASSERT_TRUE(Create("s", "text/plain").ok());
  grpc::ClientContext context;
  SetDeadline(context);
  const auto session = stub_->Session(&context);
  pb::SessionRequest request;
  for (uint64_t id = 1; id <= 100; ++id) {
    pb::SessionCall& call = *request.add_calls();
    call.set_id(id);
    call.mutable_append()->set_path("s");
    call.mutable_append()->set_content_type("text/plain");
    call.mutable_append()->set_body("x");
  }
  ASSERT_TRUE(session->Write(request));
  pb::SessionResponse response;
  ASSERT_TRUE(session->Read(&response));
  int answers = response.answers_size();
  bool draining = response.draining();
  std::thread stopping([this] { server_->Stop(absl::Seconds(20)); });
  const absl::Time begin = absl::Now();
  while (!draining && session->Read(&response)) {
    answers += response.answers_size();
    draining = response.draining();
  }
  EXPECT_TRUE(draining);
  session->WritesDone();
  while (session->Read(&response)) answers += response.answers_size();
  EXPECT_EQ(answers, 100);
  EXPECT_TRUE(session->Finish().ok());
  stopping.join();
  // Not when the deadline cuts it off.
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
}

TEST_F(ServiceTest, HealthIsKnownByServiceAndWatchedUntilTheDrain) {
  const auto check = [&](const std::string& service, HealthCheckResponse& response) {
    grpc::ClientContext context;
    HealthCheckRequest request;
    request.set_service(service);
    return health_->Check(&context, request, &response);
  };
  HealthCheckResponse response;
  ASSERT_TRUE(check("", response).ok());
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  ASSERT_TRUE(check("durablestreams.v1.StreamStoreService", response).ok());
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  EXPECT_EQ(check("another", response).error_code(), grpc::StatusCode::NOT_FOUND);

  grpc::ClientContext context;
  SetDeadline(context);
  const auto reader = health_->Watch(&context, HealthCheckRequest());
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  server_->Drain();
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  // It says so before it stops, and serves until then.
  EXPECT_TRUE(Create("late", "text/plain").ok());
  ASSERT_TRUE(check("", response).ok());
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  server_->Stop(absl::Milliseconds(500));
}

}  // namespace
}  // namespace ds::rpc

// What the gRPC port takes from whom: the same as a gateway takes over HTTP, by every kind of call,
// and only with a token where tokens are asked for.

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "proto/durablestreams/v1/stream_store.grpc.pb.h"
#include "proto/grpc/health/v1/health.grpc.pb.h"
#include "storage/api/errors.h"
#include "storage/api/sync_store.h"
#include "storage/engine/engine.h"
#include "storage/rpc/convert.h"
#include "storage/rpc/remote_store.h"
#include "storage/rpc/service.h"

namespace ds::rpc {
namespace {

constexpr uint64_t kMaxBody = 1u << 20;
constexpr char kToken[] = "a-token-of-one-gateway";
constexpr char kOtherToken[] = "a-token-of-another-one";

class EdgeTest : public ::testing::Test {
 protected:
  EdgeTest() {
    store_ = *Engine::Open({}, Clock::System());
    file_ = testing::TempDir() + "/tokens-" + std::to_string(getpid());
  }
  ~EdgeTest() override { ::unlink(file_.c_str()); }

  void Start(const Tokens* tokens = nullptr) {
    server_ = *RpcServer::Start({.address = "127.0.0.1:0",
                                 .max_message_bytes = 16u << 20,
                                 .max_body_bytes = kMaxBody,
                                 .tokens = tokens},
                                *store_);
    channel_ = grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
    stub_ = pb::StreamStoreService::NewStub(channel_);
  }
  void WriteTokens(const std::string& text) { std::ofstream(file_) << text; }

  std::unique_ptr<grpc::ClientContext> Context(const std::string& token = {}) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    if (!token.empty()) context->AddMetadata("authorization", "Bearer " + token);
    return context;
  }

  // The refusals of one request as a call of its own and within a session.
  struct Refusals {
    grpc::StatusCode call = grpc::StatusCode::OK;
    std::string session;  // the stable code; empty for none
  };
  Refusals Ask(const std::function<void(pb::SessionCall&)>& fill) {
    pb::SessionCall call;
    fill(call);
    call.set_id(1);
    Refusals refusals;
    refusals.call = AskAlone(call).error_code();
    auto context = Context();
    auto stream = stub_->Session(context.get());
    pb::SessionRequest request;
    *request.add_calls() = call;
    // Something that is answered in any case.
    request.add_calls()->mutable_head()->set_path("none");
    request.mutable_calls(1)->set_id(2);
    EXPECT_TRUE(stream->Write(request));
    pb::SessionResponse response;
    // Watching is answered only when it is refused, and then at once.
    bool answered = call.has_watch();
    bool last = false;
    while (!(answered && last) && stream->Read(&response)) {
      for (const pb::SessionAnswer& answer : response.answers()) {
        if (answer.id() == 1) refusals.session = answer.error().code();
        (answer.id() == 1 ? answered : last) = true;
      }
    }
    context->TryCancel();
    stream->Finish();
    return refusals;
  }
  grpc::Status AskAlone(const pb::SessionCall& call, const std::string& token = {}) {
    auto context = Context(token);
    switch (call.call_case()) {
      case pb::SessionCall::kCreate: {
        pb::CreateResponse out;
        return stub_->Create(context.get(), call.create(), &out);
      }
      case pb::SessionCall::kAppend: {
        pb::AppendResponse out;
        return stub_->Append(context.get(), call.append(), &out);
      }
      case pb::SessionCall::kRead: {
        pb::ReadResponse out;
        return stub_->Read(context.get(), call.read(), &out);
      }
      case pb::SessionCall::kHead: {
        pb::HeadResponse out;
        return stub_->Head(context.get(), call.head(), &out);
      }
      case pb::SessionCall::kDelete: {
        pb::DeleteResponse out;
        return stub_->Delete(context.get(), call.delete_(), &out);
      }
      case pb::SessionCall::kList: {
        pb::ListResponse out;
        return stub_->List(context.get(), call.list(), &out);
      }
      case pb::SessionCall::kSubscriptions: {
        pb::SubscriptionsResponse out;
        return stub_->Subscriptions(context.get(), call.subscriptions(), &out);
      }
      case pb::SessionCall::kFollow: {
        pb::TailRequest request;
        request.set_path(call.follow().path());
        auto reader = stub_->Tail(context.get(), request);
        pb::TailResponse out;
        if (reader->Read(&out)) context->TryCancel();
        return reader->Finish();
      }
      case pb::SessionCall::kWatch: {
        pb::WatchRequest request;
        request.set_pattern(call.watch().pattern());
        auto reader = stub_->Watch(context.get(), request);
        pb::WatchResponse out;
        if (reader->Read(&out)) context->TryCancel();
        return reader->Finish();
      }
      default:
        return grpc::Status::OK;
    }
  }

  std::string file_;
  std::unique_ptr<StreamStore> store_;
  std::unique_ptr<RpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<pb::StreamStoreService::Stub> stub_;
};

// Every call that names a stream, with the name to be filled in.
std::vector<std::pair<const char*, std::function<void(pb::SessionCall&, const std::string&)>>>
CallsWithPaths() {
  using Call = pb::SessionCall&;
  using Text = const std::string&;
  const auto subscribe = [](Call call) {
    auto& subscriptions = *call.mutable_subscriptions();
    subscriptions.set_id("sub");
    auto& config = *subscriptions.mutable_put()->mutable_config();
    config.set_type(pb::SubscriptionConfig::TYPE_PULL_WAKE);
    config.set_lease_ttl_ms(30'000);
    config.set_wake_stream("wake");
    config.add_streams("a");
    return &config;
  };
  return {
      {"create", [](Call c, Text t) { c.mutable_create()->set_path(t); }},
      {"fork",
       [](Call c, Text t) {
         c.mutable_create()->set_path("fork");
         c.mutable_create()->mutable_fork()->set_source_path(t);
       }},
      {"append",
       [](Call c, Text t) {
         c.mutable_append()->set_path(t);
         c.mutable_append()->set_body("x");
       }},
      {"read", [](Call c, Text t) { c.mutable_read()->set_path(t); }},
      {"head", [](Call c, Text t) { c.mutable_head()->set_path(t); }},
      {"delete", [](Call c, Text t) { c.mutable_delete_()->set_path(t); }},
      {"follow", [](Call c, Text t) { c.mutable_follow()->set_path(t); }},
      {"watch", [](Call c, Text t) { c.mutable_watch()->set_pattern(t); }},
      {"wake stream", [=](Call c, Text t) { subscribe(c)->set_wake_stream(t); }},
      {"streams", [=](Call c, Text t) { subscribe(c)->set_streams(0, t); }},
      {"pattern", [=](Call c, Text t) { subscribe(c)->set_pattern(t.empty() ? "a**" : t); }},
      {"add",
       [](Call c, Text t) {
         c.mutable_subscriptions()->set_id("sub");
         c.mutable_subscriptions()->mutable_add_streams()->add_paths(t);
       }},
      {"remove",
       [](Call c, Text t) {
         c.mutable_subscriptions()->set_id("sub");
         c.mutable_subscriptions()->mutable_remove_stream()->set_path(t);
       }},
      {"ack",
       [](Call c, Text t) {
         c.mutable_subscriptions()->set_id("sub");
         c.mutable_subscriptions()->mutable_ack()->add_acks()->set_path(t);
       }},
  };
}

TEST_F(EdgeTest, PathsAreThoseThatAGatewayTakes) {
  Start();
  const std::string deep(1 << 20, 'a');
  for (const auto& [name, fill] : CallsWithPaths()) {
    for (const std::string& path :
         {std::string(), std::string("a\r\nb"), std::string("a\0b", 3), deep}) {
      const Refusals refusals = Ask([&](pb::SessionCall& call) { fill(call, path); });
      EXPECT_EQ(refusals.call, grpc::StatusCode::INVALID_ARGUMENT) << name << path.size();
      EXPECT_FALSE(refusals.session.empty()) << name << path.size();
    }
    if (std::string(name) == "watch" || std::string(name) == "pattern") continue;
    for (const std::string path : {"..", "a/../b", "."}) {
      const Refusals refusals = Ask([&](pb::SessionCall& call) { fill(call, path); });
      EXPECT_EQ(refusals.call, grpc::StatusCode::INVALID_ARGUMENT) << name << path;
      EXPECT_EQ(refusals.session, "invalid-path") << name << path;
    }
  }
}

TEST_F(EdgeTest, WhatIsStoredCannotSplitAnAnswer) {
  Start();
  using Call = pb::SessionCall&;
  const std::pair<const char*, std::function<void(Call)>> bad[] = {
      {"content type",
       [](Call c) { c.mutable_create()->set_content_type("text/plain\r\nSet-Cookie: a=b"); }},
      {"expiry's text",
       [](Call c) {
         auto& lifetime = *c.mutable_create()->mutable_lifetime();
         lifetime.mutable_expires_at()->set_seconds(1'900'000'000);
         lifetime.set_expires_at_text("2030-03-17T17:46:40Z\r\nSet-Cookie: a=b");
       }},
      {"both lifetimes",
       [](Call c) {
         auto& lifetime = *c.mutable_create()->mutable_lifetime();
         lifetime.mutable_expires_at()->set_seconds(1'900'000'000);
         lifetime.set_ttl_seconds(5);
       }},
      {"no time",
       [](Call c) {
         auto& lifetime = *c.mutable_create()->mutable_lifetime();
         lifetime.mutable_expires_at()->set_seconds(int64_t{1} << 62);
       }},
      {"producer id", [](Call c) { c.mutable_append()->mutable_producer()->set_id("a\r\nb"); }},
      {"long producer id",
       [](Call c) { c.mutable_append()->mutable_producer()->set_id(std::string(2000, 'p')); }},
      {"producer epoch",
       [](Call c) {
         c.mutable_append()->mutable_producer()->set_id("p");
         c.mutable_append()->mutable_producer()->set_epoch(uint64_t{1} << 53);
       }},
      {"stream seq", [](Call c) { c.mutable_append()->set_stream_seq("1\n"); }},
      {"long stream seq",
       [](Call c) { c.mutable_append()->set_stream_seq(std::string(2000, '1')); }},
  };
  for (const auto& [name, fill] : bad) {
    const Refusals refusals = Ask([&](Call call) {
      fill(call);
      if (call.has_create()) call.mutable_create()->set_path("s");
      if (call.has_append()) call.mutable_append()->set_path("s");
      if (call.has_append()) call.mutable_append()->set_body("x");
    });
    EXPECT_EQ(refusals.call, grpc::StatusCode::INVALID_ARGUMENT) << name;
    EXPECT_EQ(refusals.session, "bad-request") << name;
  }
}

TEST_F(EdgeTest, BodiesAreBounded) {
  Start();
  for (const bool creates : {true, false}) {
    const Refusals refusals = Ask([&](pb::SessionCall& call) {
      if (creates) {
        call.mutable_create()->set_path("large");
        call.mutable_create()->set_body(std::string(kMaxBody + 1, 'x'));
      } else {
        call.mutable_append()->set_path("large");
        call.mutable_append()->set_body(std::string(kMaxBody + 1, 'x'));
      }
    });
    EXPECT_EQ(refusals.call, grpc::StatusCode::OUT_OF_RANGE) << creates;
    EXPECT_EQ(refusals.session, "payload-too-large") << creates;
  }
  EXPECT_TRUE(Ask([](pb::SessionCall& call) {
                call.mutable_create()->set_path("fits");
                call.mutable_create()->set_body(std::string(kMaxBody, 'x'));
              }).session.empty());
}

TEST_F(EdgeTest, SubscriptionsAreThoseThatAGatewayTakes) {
  Start();
  for (const std::string& id : {std::string(), std::string("a/b"), std::string(300, 'a')}) {
    const Refusals refusals = Ask([&](pb::SessionCall& call) {
      call.mutable_subscriptions()->set_id(id);
      call.mutable_subscriptions()->mutable_get();
    });
    EXPECT_EQ(refusals.session, "invalid-request") << id;
  }
}

TEST_F(EdgeTest, WithoutATokenThatItKnowsNothingIsDone) {
  WriteTokens(std::string("# gateways\n\n") + kToken + "\n");
  const auto tokens = Tokens::Load(file_);
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  Start(tokens->get());
  for (const auto& [name, fill] : CallsWithPaths()) {
    pb::SessionCall call;
    fill(call, "s");
    for (const std::string token : {"", "wrong-token-of-nobody", "a-token-of-one-gatewa"}) {
      EXPECT_EQ(AskAlone(call, token).error_code(), grpc::StatusCode::UNAUTHENTICATED)
          << name << token;
    }
    // With it, those that end by themselves; an ack needs the token of its wake as well.
    if (call.has_watch() || call.has_follow() || call.subscriptions().has_ack()) continue;
    EXPECT_NE(AskAlone(call, kToken).error_code(), grpc::StatusCode::UNAUTHENTICATED) << name;
  }
  auto context = Context("wrong-token-of-nobody");
  auto stream = stub_->Session(context.get());
  pb::SessionResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  // Orchestrators look at its health without.
  const auto health = grpc::health::v1::Health::NewStub(channel_);
  auto health_context = Context();
  grpc::health::v1::HealthCheckResponse healthy;
  EXPECT_TRUE(health->Check(health_context.get(), {}, &healthy).ok());
}

TEST_F(EdgeTest, TokensAreExchangedOneAfterTheOther) {
  WriteTokens(std::string(kToken) + "\n");
  const auto tokens = Tokens::Load(file_);
  ASSERT_TRUE(tokens.ok());
  Start(tokens->get());
  pb::SessionCall call;
  call.mutable_create()->set_path("s");
  const auto code = [&](const char* token) { return AskAlone(call, token).error_code(); };
  EXPECT_EQ(code(kOtherToken), grpc::StatusCode::UNAUTHENTICATED);
  WriteTokens(std::string(kToken) + "\n" + kOtherToken + "\n");
  ASSERT_TRUE((*tokens)->Reload().ok());
  EXPECT_EQ(code(kToken), grpc::StatusCode::OK);
  EXPECT_EQ(code(kOtherToken), grpc::StatusCode::OK);
  WriteTokens("short\n");
  EXPECT_FALSE((*tokens)->Reload().ok());
  EXPECT_EQ(code(kToken), grpc::StatusCode::OK) << "what was there stays in force";
  WriteTokens(std::string(kOtherToken) + "\n");
  ASSERT_TRUE((*tokens)->Reload().ok());
  EXPECT_EQ(code(kToken), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(EdgeTest, AGatewayBringsItsToken) {
  WriteTokens(std::string(kToken) + "\n");
  const auto tokens = Tokens::Load(file_);
  ASSERT_TRUE(tokens.ok());
  Start(tokens->get());
  const auto with = RemoteStore::Connect({.target = server_->address(), .token_file = file_});
  ASSERT_TRUE(with.ok());
  EXPECT_TRUE(SyncStore(**with).Make("s").status.ok());
  const auto without = RemoteStore::Connect({.target = server_->address()});
  ASSERT_TRUE(without.ok());
  EXPECT_EQ(GetErrorCode(SyncStore(**without).Make("t").status), ErrorCode::kStorageUnavailable);
  EXPECT_FALSE(RemoteStore::Connect({.target = "x:1", .token_file = file_ + "-none"}).ok());
}

}  // namespace
}  // namespace ds::rpc

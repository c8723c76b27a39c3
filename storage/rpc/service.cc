#include "storage/rpc/service.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/grpcpp.h"
#include "proto/durablestreams/v1/stream_store.grpc.pb.h"
#include "spdlog/spdlog.h"
#include "storage/rpc/call.h"
#include "storage/rpc/convert.h"
#include "storage/rpc/convert_subscriptions.h"
#include "storage/rpc/credentials.h"
#include "storage/rpc/edge_rules.h"
#include "storage/rpc/grpc_time.h"
#include "storage/rpc/health.h"
#include "storage/rpc/keepalive.h"
#include "storage/rpc/refusal.h"
#include "storage/rpc/session.h"
#include "storage/rpc/streaming_calls.h"

namespace ds::rpc {
namespace {

// What one connection may have under way: a client that follows streams one by one has many calls.
constexpr int kMaxCallsPerConnection = 10'000;
constexpr int kMaxMetadataBytes = 16 << 10;
// Of messages that are arriving and leaving, on all connections together, beside four of the
// largest ones. Beyond it gRPC takes what clients send more slowly.
constexpr size_t kMinMemoryBytes = 256u << 20;

// The part of a result that becomes the response.
const CreateResult& Value(const CreateResult& result) { return result; }
const AppendResult& Value(const AppendResult& result) { return result; }
const DeleteResult& Value(const DeleteResult& result) { return result; }
const StreamInfo& Value(const HeadResult& result) { return result.info; }
const ListResult& Value(const ListResult& result) { return result; }
ReadResult&& Value(ReadResult& result) { return std::move(result); }

// What the client sent along: its trace, and when it stops waiting.
CallContext ContextOf(const grpc::ServerContext& context) {
  CallContext call;
  const auto header = context.client_metadata().find("traceparent");
  if (header != context.client_metadata().end()) {
    const auto trace = ParseTraceparent({header->second.data(), header->second.size()});
    if (trace) {
      call.trace = *trace;
    } else {
      spdlog::debug("a malformed traceparent is ignored");
    }
  }
  // gRPC has made a time of the wall clock of what is left.
  if (context.deadline() != std::chrono::system_clock::time_point::max()) {
    call.deadline =
        std::chrono::steady_clock::now() + (context.deadline() - std::chrono::system_clock::now());
  }
  return call;
}

// A callback of the store that ends a unary call.
template <typename Result, typename Call, typename Out>
auto Finish(Call& call, Out& out) {
  return [&call, &out](Result result) {
    if (!result.status.ok()) return call.Finish(Refuse(call.context(), ToRefusal(result)));
    out = ToProto(Value(result));
    call.Finish(grpc::Status::OK);
  };
}

// The internal API over a StreamStore. Thread-safe.
class Service {
  using Async = pb::StreamStoreService::AsyncService;
  using CreateCall = UnaryCall<pb::CreateRequest, pb::CreateResponse>;
  using AppendCall = UnaryCall<pb::AppendRequest, pb::AppendResponse>;
  using ReadCall = UnaryCall<pb::ReadRequest, pb::ReadResponse>;
  using HeadCall = UnaryCall<pb::HeadRequest, pb::HeadResponse>;
  using DeleteCall = UnaryCall<pb::DeleteRequest, pb::DeleteResponse>;
  using ListCall = UnaryCall<pb::ListRequest, pb::ListResponse>;
  using SubscriptionsCall = UnaryCall<pb::SubscriptionsRequest, pb::SubscriptionsResponse>;

  template <typename Method>
  auto From(Method method) {
    return [this, method](grpc::ServerContext* context, auto* in, auto* writer,
                          grpc::ServerCompletionQueue* queue, void* tag) {
      (service_.*method)(context, in, writer, queue, queue, tag);
    };
  }

 public:
  // All must outlive the object.
  Service(StreamStore& store, const EdgeRules& rules) : store_(store), rules_(rules) {
    create_.handler = [this](CreateCall& call) {
      CreateRequest request;
      const absl::Status status = FromProto(std::move(call.in()), rules_.max_body_bytes, request);
      if (!status.ok()) return call.Finish(Refuse(call.context(), status));
      request.context = ContextOf(call.context());
      store_.Create(std::move(request), Finish<CreateResult>(call, call.out()));
    };
    append_.handler = [this](AppendCall& call) {
      AppendRequest request;
      const absl::Status status = FromProto(std::move(call.in()), rules_.max_body_bytes, request);
      if (!status.ok()) return call.Finish(Refuse(call.context(), status));
      request.context = ContextOf(call.context());
      store_.Append(std::move(request), Finish<AppendResult>(call, call.out()));
    };
    read_.handler = [this](ReadCall& call) {
      ReadRequest request;
      const absl::Status status = FromProto(std::move(call.in()), request);
      if (!status.ok()) return call.Finish(Refuse(call.context(), status));
      request.context = ContextOf(call.context());
      store_.Read(std::move(request), Finish<ReadResult>(call, call.out()));
    };
    head_.handler = [this](HeadCall& call) {
      HeadRequest request;
      const absl::Status status = FromProto(std::move(call.in()), request);
      if (!status.ok()) return call.Finish(Refuse(call.context(), status));
      request.context = ContextOf(call.context());
      store_.Head(std::move(request), Finish<HeadResult>(call, *call.out().mutable_info()));
    };
    delete_.handler = [this](DeleteCall& call) {
      DeleteRequest request;
      const absl::Status status = FromProto(std::move(call.in()), request);
      if (!status.ok()) return call.Finish(Refuse(call.context(), status));
      request.context = ContextOf(call.context());
      store_.Delete(std::move(request), Finish<DeleteResult>(call, call.out()));
    };
    list_.handler = [this](ListCall& call) {
      ListRequest request;
      const absl::Status status = FromProto(std::move(call.in()), request);
      if (!status.ok()) return call.Finish(Refuse(call.context(), status));
      request.context = ContextOf(call.context());
      store_.List(std::move(request), Finish<ListResult>(call, call.out()));
    };
    subscriptions_.handler = [this](SubscriptionsCall& call) {
      SubscriptionCall request;
      const absl::Status status = FromProto(call.in(), request);
      if (!status.ok()) return call.Finish(Refuse(call.context(), status));
      request.context = ContextOf(call.context());
      store_.Subscriptions(std::move(request), [&call](const SubscriptionAnswer& result) {
        if (!result.status.ok()) return call.Finish(Refuse(call.context(), result.status));
        call.out() = ToProto(result);
        call.Finish(grpc::Status::OK);
      });
    };
    const auto guard = [this](const grpc::ServerContext& context) { return rules_.Admit(context); };
    create_.guard = append_.guard = read_.guard = head_.guard = guard;
    delete_.guard = list_.guard = subscriptions_.guard = guard;
    create_.request = From(&Async::RequestCreate);
    append_.request = From(&Async::RequestAppend);
    read_.request = From(&Async::RequestRead);
    head_.request = From(&Async::RequestHead);
    delete_.request = From(&Async::RequestDelete);
    list_.request = From(&Async::RequestList);
    subscriptions_.request = From(&Async::RequestSubscriptions);
  }

  grpc::Service& service() { return service_; }
  Sessions& sessions() { return sessions_; }

  // Has all methods wait for calls on `queue`.
  void Accept(CompletionLoop& loop, grpc::ServerCompletionQueue& queue) {
    CreateCall::Accept(create_, loop, queue);
    AppendCall::Accept(append_, loop, queue);
    ReadCall::Accept(read_, loop, queue);
    HeadCall::Accept(head_, loop, queue);
    DeleteCall::Accept(delete_, loop, queue);
    ListCall::Accept(list_, loop, queue);
    SubscriptionsCall::Accept(subscriptions_, loop, queue);
    AcceptTail(service_, store_, rules_, loop, queue);
    AcceptWatch(service_, store_, rules_, loop, queue);
    AcceptSession(service_, store_, rules_, sessions_, loop, queue);
  }

 private:
  StreamStore& store_;
  const EdgeRules& rules_;
  Sessions sessions_;
  Async service_;
  CreateCall::Method create_;
  AppendCall::Method append_;
  ReadCall::Method read_;
  HeadCall::Method head_;
  DeleteCall::Method delete_;
  ListCall::Method list_;
  SubscriptionsCall::Method subscriptions_;
};

class RpcServerImpl final : public RpcServer {
 public:
  RpcServerImpl(const Options& options, StreamStore& store)
      : rules_{options.max_body_bytes, options.tokens}, service_(store, rules_) {}
  ~RpcServerImpl() override { Stop(absl::ZeroDuration()); }

  absl::Status Listen(const Options& options) {
    const std::string& address = options.address;
    const auto credentials = MakeServerCredentials(options.tls);
    if (!credentials.ok()) return credentials.status();
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(address, *credentials, &port);
    builder.RegisterService(&service_.service());
    builder.RegisterService(&health_.service());
    builder.SetMaxReceiveMessageSize(
        static_cast<int>(std::min<uint64_t>(options.max_message_bytes, 1u << 30)));
    builder.SetMaxSendMessageSize(-1);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxCallsPerConnection);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
    grpc::ResourceQuota quota("durable-streams");
    quota.Resize(kMinMemoryBytes + 4 * options.max_message_bytes);
    builder.SetResourceQuota(quota);
    // Gateways make sure of an idle connection; without these they would be sent away for it.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                               kKeepaliveMilliseconds / 2);
    // Two servers on one port would share its clients.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    loop_.AddTo(builder, std::max(2u, std::thread::hardware_concurrency()) - 1);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || (port == 0 && !address.starts_with("unix:"))) {
      return absl::UnavailableError("cannot listen on " + address + " for gRPC");
    }
    loop_.Start([this](grpc::ServerCompletionQueue& queue) {
      service_.Accept(loop_, queue);
      health_.Accept(loop_, queue);
    });
    health_.SetServing(true);
    address_ = address.starts_with("unix:")
                   ? address
                   : address.substr(0, address.rfind(':')) + ":" + std::to_string(port);
    return absl::OkStatus();
  }

  const std::string& address() const override { return address_; }

  void Drain() override { health_.SetServing(false); }

  void Stop(absl::Duration timeout) override {
    if (server_ == nullptr) return;
    health_.SetServing(false);
    service_.sessions().Drain();
    server_->Shutdown(After(timeout));
    server_->Wait();
    loop_.Stop();
    server_.reset();
  }

 private:
  const EdgeRules rules_;
  Service service_;
  HealthService health_{{pb::StreamStoreService::service_full_name()}};
  CompletionLoop loop_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(const Options& options,
                                                            StreamStore& store) {
  auto server = std::make_unique<RpcServerImpl>(options, store);
  const absl::Status status = server->Listen(options);
  if (!status.ok()) return status;
  return std::unique_ptr<RpcServer>(std::move(server));
}

}  // namespace ds::rpc

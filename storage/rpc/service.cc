#include "storage/rpc/service.h"

#include <deque>
#include <mutex>
#include <utility>

#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "proto/durablestreams/v1/stream_store.grpc.pb.h"
#include "storage/api/errors.h"
#include "storage/rpc/convert.h"
#include "storage/rpc/keepalive.h"
#include "storage/rpc/session.h"

namespace ds::rpc {
namespace {

constexpr char kErrorMetadata[] = "durable-streams-error-bin";
constexpr size_t kMaxQueuedChanges = 10'000;

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

grpc::Status Refused(grpc::CallbackServerContext* context, const absl::Status& status,
                     const AppendResult* append = nullptr) {
  pb::ErrorDetail detail = ToErrorDetail(status);
  if (append != nullptr) *detail.mutable_append() = ToProto(*append);
  context->AddTrailingMetadata(kErrorMetadata, detail.SerializeAsString());
  return ToGrpc(status);
}

// Reads a stream piece by piece, waits at its tail, goes on. One write under way at a time, so the
// client's flow control is the only buffer.
class TailReactor final : public grpc::ServerWriteReactor<pb::TailResponse> {
 public:
  TailReactor(grpc::CallbackServerContext* context, const pb::TailRequest& request,
              StreamStore& store)
      : context_(context), store_(store), link_(std::make_shared<Link>(this)) {
    next_.path = request.path();
    const absl::Status status = FromProto(request.position(), next_);
    if (!status.ok()) {
      Finish(Refused(context_, status));
      return;
    }
    subscription_ = store_.Tail(next_.path, link_, [](const HeadResult&) {});
    ReadOn();
  }

  void OnWriteDone(bool ok) override {
    if (!ok || last_) return End(grpc::Status::OK);
    ReadOn();
  }
  void OnCancel() override { link_->Wake(); }
  void OnDone() override {
    link_->Detach();
    subscription_.reset();
    delete this;
  }

 private:
  // What the store holds: it may call after the reactor has gone.
  class Link final : public TailObserver {
   public:
    explicit Link(TailReactor* reactor) : reactor_(reactor) {}
    void OnTail(const TailEvent&) override { Wake(); }
    void Wake() {
      const std::lock_guard<std::recursive_mutex> lock(mutex_);
      news_ = true;
      if (reactor_ != nullptr && std::exchange(waiting_, false)) reactor_->ReadOn();
    }
    // False when there is news already.
    bool Wait() {
      const std::lock_guard<std::recursive_mutex> lock(mutex_);
      if (std::exchange(news_, false)) return false;
      waiting_ = true;
      return true;
    }
    void Detach() {
      const std::lock_guard<std::recursive_mutex> lock(mutex_);
      reactor_ = nullptr;
    }

   private:
    std::recursive_mutex mutex_;
    TailReactor* reactor_;
    bool news_ = false;
    bool waiting_ = false;
  };

  void ReadOn() {
    if (context_->IsCancelled()) return End(grpc::Status::CANCELLED);
    store_.Read(next_, [this](ReadResult result) { Take(std::move(result)); });
  }

  void Take(ReadResult result) {
    if (!result.status.ok()) return End(Refused(context_, result.status));
    const bool first = std::exchange(first_, false);
    next_.from = ReadRequest::From::kOffset;
    next_.offset = result.next;
    last_ = result.at_end();
    // The first response comes at once, so that a client knows where it stands.
    if (result.chunk == nullptr && !last_ && !first) {
      if (!link_->Wait()) ReadOn();
      return;
    }
    out_.Clear();
    out_.set_start(result.start.ToString());
    out_.set_next(result.next.ToString());
    out_.set_up_to_date(result.up_to_date);
    out_.set_closed(last_);
    const std::vector<uint32_t>& sizes = result.message_sizes();
    out_.mutable_message_sizes()->Add(sizes.begin(), sizes.end());
    out_.set_data(result.data());
    StartWrite(&out_);
  }

  void End(const grpc::Status& status) {
    if (!std::exchange(ended_, true)) Finish(status);
  }

  grpc::CallbackServerContext* const context_;
  StreamStore& store_;
  const std::shared_ptr<Link> link_;
  std::unique_ptr<Subscription> subscription_;
  ReadRequest next_;
  pb::TailResponse out_;
  bool first_ = true;
  bool last_ = false;
  bool ended_ = false;
};

class WatchReactor final : public grpc::ServerWriteReactor<pb::WatchResponse> {
 public:
  WatchReactor(const pb::WatchRequest& request, StreamStore& store)
      : link_(std::make_shared<Link>(this)) {
    StartSendInitialMetadata();
    subscription_ = store.Watch(request.pattern(), link_);
  }

  void OnWriteDone(bool ok) override { link_->WriteDone(ok); }
  void OnCancel() override { link_->End(grpc::Status::CANCELLED); }
  void OnDone() override {
    link_->Detach();
    subscription_.reset();
    delete this;
  }

 private:
  class Link final : public WatchObserver {
   public:
    explicit Link(WatchReactor* reactor) : reactor_(reactor) {}
    void OnChange(const ChangeEvent& event) override {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (reactor_ == nullptr || ended_) return;
      if (queue_.size() >= kMaxQueuedChanges) {
        ended_ = true;
        end_ = grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "the client does not keep up");
      } else {
        queue_.push_back(ToProto(event));
      }
      Advance();
    }
    void WriteDone(bool ok) {
      const std::lock_guard<std::mutex> lock(mutex_);
      writing_ = false;
      if (!ok) ended_ = true;
      Advance();
    }
    void End(const grpc::Status& status) {
      const std::lock_guard<std::mutex> lock(mutex_);
      ended_ = true;
      end_ = status;
      Advance();
    }
    void Detach() {
      const std::lock_guard<std::mutex> lock(mutex_);
      reactor_ = nullptr;
    }

   private:
    // REQUIRES: mutex_ is held.
    void Advance() {
      if (writing_ || finished_ || reactor_ == nullptr) return;
      if (ended_) {
        finished_ = true;
        reactor_->Finish(end_);
      } else if (!queue_.empty()) {
        out_ = std::move(queue_.front());
        queue_.pop_front();
        writing_ = true;
        reactor_->StartWrite(&out_);
      }
    }

    std::mutex mutex_;
    // Guarded by mutex_.
    WatchReactor* reactor_;
    std::deque<pb::WatchResponse> queue_;
    pb::WatchResponse out_;
    grpc::Status end_;
    bool writing_ = false;
    bool ended_ = false;
    bool finished_ = false;
  };

  const std::shared_ptr<Link> link_;
  std::unique_ptr<Subscription> subscription_;
};

// The part of a result that becomes the response.
const CreateResult& Value(const CreateResult& result) { return result; }
const StreamInfo& Value(const HeadResult& result) { return result.info; }
const ListResult& Value(const ListResult& result) { return result; }
ReadResult&& Value(ReadResult& result) { return std::move(result); }

// A callback of the store that ends a unary call.
template <typename Result, typename Out>
auto Finish(grpc::CallbackServerContext* context, grpc::ServerUnaryReactor* reactor, Out* out) {
  return [context, reactor, out](Result result) {
    if (!result.status.ok()) return reactor->Finish(Refused(context, result.status));
    *out = ToProto(Value(result));
    reactor->Finish(grpc::Status::OK);
  };
}

class Service final : public pb::StreamStoreService::CallbackService {
 public:
  explicit Service(StreamStore& store) : store_(store) {}

  grpc::ServerUnaryReactor* Create(grpc::CallbackServerContext* context,
                                   const pb::CreateRequest* in, pb::CreateResponse* out) override {
    auto* const reactor = context->DefaultReactor();
    CreateRequest request;
    const absl::Status status = FromProto(pb::CreateRequest(*in), request);
    if (!status.ok()) {
      reactor->Finish(Refused(context, status));
    } else {
      store_.Create(std::move(request), Finish<CreateResult>(context, reactor, out));
    }
    return reactor;
  }
  grpc::ServerUnaryReactor* Append(grpc::CallbackServerContext* context,
                                   const pb::AppendRequest* in, pb::AppendResponse* out) override {
    auto* const reactor = context->DefaultReactor();
    AppendRequest request;
    const absl::Status status = FromProto(pb::AppendRequest(*in), request);
    if (!status.ok()) {
      reactor->Finish(Refused(context, status));
      return reactor;
    }
    store_.Append(std::move(request), [context, reactor, out](const AppendResult& result) {
      if (!result.status.ok()) return reactor->Finish(Refused(context, result.status, &result));
      *out = ToProto(result);
      reactor->Finish(grpc::Status::OK);
    });
    return reactor;
  }
  grpc::ServerUnaryReactor* Read(grpc::CallbackServerContext* context, const pb::ReadRequest* in,
                                 pb::ReadResponse* out) override {
    auto* const reactor = context->DefaultReactor();
    ReadRequest request;
    const absl::Status status = FromProto(*in, request);
    if (!status.ok()) {
      reactor->Finish(Refused(context, status));
    } else {
      store_.Read(std::move(request), Finish<ReadResult>(context, reactor, out));
    }
    return reactor;
  }
  grpc::ServerUnaryReactor* Head(grpc::CallbackServerContext* context, const pb::HeadRequest* in,
                                 pb::HeadResponse* out) override {
    auto* const reactor = context->DefaultReactor();
    store_.Head({in->path(), in->renew()},
                Finish<HeadResult>(context, reactor, out->mutable_info()));
    return reactor;
  }
  grpc::ServerUnaryReactor* Delete(grpc::CallbackServerContext* context,
                                   const pb::DeleteRequest* in, pb::DeleteResponse*) override {
    auto* const reactor = context->DefaultReactor();
    store_.Delete({in->path()}, [context, reactor](const DeleteResult& result) {
      reactor->Finish(result.status.ok() ? grpc::Status::OK : Refused(context, result.status));
    });
    return reactor;
  }
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context, const pb::ListRequest* in,
                                 pb::ListResponse* out) override {
    auto* const reactor = context->DefaultReactor();
    ListRequest request{in->prefix(), in->page_token()};
    if (in->page_size() > 0) request.page_size = in->page_size();
    store_.List(std::move(request), Finish<ListResult>(context, reactor, out));
    return reactor;
  }
  grpc::ServerWriteReactor<pb::TailResponse>* Tail(grpc::CallbackServerContext* context,
                                                   const pb::TailRequest* in) override {
    return new TailReactor(context, *in, store_);
  }
  grpc::ServerWriteReactor<pb::WatchResponse>* Watch(grpc::CallbackServerContext*,
                                                     const pb::WatchRequest* in) override {
    return new WatchReactor(*in, store_);
  }
  grpc::ServerBidiReactor<pb::SessionRequest, pb::SessionResponse>* Session(
      grpc::CallbackServerContext*) override {
    return StartSession(store_);
  }

 private:
  StreamStore& store_;
};

class RpcServerImpl final : public RpcServer {
 public:
  explicit RpcServerImpl(StreamStore& store) : service_(store) {}
  ~RpcServerImpl() override { Stop(absl::ZeroDuration()); }

  absl::Status Listen(const std::string& address, uint64_t max_message_bytes) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    builder.SetMaxReceiveMessageSize(
        static_cast<int>(std::min<uint64_t>(max_message_bytes, 1u << 30)));
    builder.SetMaxSendMessageSize(-1);
    // Gateways make sure of an idle connection; without these they would be sent away for it.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                               kKeepaliveMilliseconds / 2);
    // Two servers on one port would share its clients.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || (port == 0 && !address.starts_with("unix:"))) {
      return absl::UnavailableError("cannot listen on " + address + " for gRPC");
    }
    address_ = address.starts_with("unix:")
                   ? address
                   : address.substr(0, address.rfind(':')) + ":" + std::to_string(port);
    return absl::OkStatus();
  }

  const std::string& address() const override { return address_; }

  void Stop(absl::Duration timeout) override {
    if (server_ == nullptr) return;
    server_->GetHealthCheckService()->Shutdown();
    server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
    server_->Wait();
    server_.reset();
  }

 private:
  Service service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(const std::string& address,
                                                            StreamStore& store,
                                                            uint64_t max_message_bytes) {
  auto server = std::make_unique<RpcServerImpl>(store);
  const absl::Status status = server->Listen(address, max_message_bytes);
  if (!status.ok()) return status;
  return std::unique_ptr<RpcServer>(std::move(server));
}

}  // namespace ds::rpc

#include "server/server.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "gateway/http/server.h"
#include "gateway/live/live_feeds.h"
#include "spdlog/spdlog.h"
#include "storage/rpc/remote_store.h"
#include "storage/rpc/service.h"

namespace ds {
namespace {

class HookCaller final : public WatchObserver {
 public:
  explicit HookCaller(Server::Hooks hooks) : hooks_(std::move(hooks)) {}
  void OnChange(const ChangeEvent& event) override {
    switch (event.kind) {
      case ChangeEvent::Kind::kCreated:
        if (hooks_.stream_created) hooks_.stream_created(event);
        break;
      case ChangeEvent::Kind::kDeleted:
      case ChangeEvent::Kind::kExpired:
        if (hooks_.stream_deleted) hooks_.stream_deleted(event);
        break;
      case ChangeEvent::Kind::kAppended:
      case ChangeEvent::Kind::kClosed:
        break;
    }
  }

 private:
  const Server::Hooks hooks_;
};

// The members are in the order in which they are built; they go in the opposite one.
class ServerImpl final : public Server {
 public:
  ServerImpl(const ServerOptions& options, Clock& clock) : options_(options), clock_(clock) {}
  ~ServerImpl() override { Stop(); }

  absl::Status StartAll(Hooks hooks) {
    absl::Status status = OpenStore();
    if (!status.ok()) return status;
    if (hooks.stream_created || hooks.stream_deleted) {
      watch_ = store_->Watch("**", std::make_shared<HookCaller>(std::move(hooks)));
    }
    if (options_.role != Role::kStorage) status = StartHttp();
    if (!status.ok()) return status;
    return StartRpc();
  }

  void Stop() override {
    const std::lock_guard<std::mutex> lock(stop_mutex_);
    if (stopped_) return;
    stopped_ = true;
    if (http_ != nullptr) {
      shared_->draining = true;
      feeds_->Drain();
      http_->Drain(options_.drain_timeout);
    }
    if (rpc_ != nullptr) rpc_->Stop(options_.drain_timeout);
    for (const auto& io : threads_) io->Stop();
    watch_.reset();
    rpc_.reset();
    http_.reset();
    feeds_.reset();
    store_.reset();
  }

  const std::string& url() const override { return url_; }
  const std::string& grpc_address() const override { return grpc_address_; }
  StreamStore& store() override { return *store_; }

 private:
  absl::Status OpenStore() {
    if (options_.role == Role::kGateway) {
      store_ = rpc::RemoteStore::Connect(options_.storage);
      return absl::OkStatus();
    }
    EngineOptions engine = options_.engine;
    if (options_.role == Role::kDev) engine.database.directory.clear();
    absl::StatusOr<std::unique_ptr<Engine>> opened = Engine::Open(engine, clock_);
    if (!opened.ok()) return opened.status();
    store_ = *std::move(opened);
    return absl::OkStatus();
  }

  absl::Status StartRpc() {
    const std::string& address =
        options_.role == Role::kStorage ? options_.listen : options_.grpc_listen;
    if (address.empty()) return absl::OkStatus();
    // Room for the largest body, and as much again for what a session puts into one message.
    const uint64_t max_message_bytes = options_.limits.max_body * 2 + (16u << 20);
    absl::StatusOr<std::unique_ptr<rpc::RpcServer>> started =
        rpc::RpcServer::Start(address, *store_, max_message_bytes);
    if (!started.ok()) return started.status();
    rpc_ = *std::move(started);
    grpc_address_ = rpc_->address();
    return absl::OkStatus();
  }

  absl::Status StartHttp() {
    uint32_t count = options_.threads;
    if (count == 0) count = std::max(2u, std::thread::hardware_concurrency()) - 1;
    std::vector<http::IoThread*> threads;
    for (uint32_t i = 0; i < count; ++i) {
      threads_.push_back(std::make_unique<http::IoThread>(i));
      threads.push_back(threads_.back().get());
    }
    feeds_ = std::make_unique<LiveFeeds>(*store_, options_.gateway.cursors, clock_);
    gateway_ = std::make_unique<Gateway>(options_.gateway, *store_, *feeds_, clock_);
    shared_ = std::make_shared<http::ServerShared>();
    shared_->limits = options_.limits;
    shared_->timeouts = options_.timeouts;
    shared_->max_connections = options_.max_connections;
    shared_->handler = gateway_.get();
    for (http::IoThread* io : threads) io->Start();
    threads[0]->Post([this] { threads_[0]->AddSwept(*feeds_); });
    http_ = std::make_unique<http::Server>(threads, shared_);
    const absl::Status status = http_->Listen(options_.listen);
    if (!status.ok()) return status;
    std::string host = http_->address();
    if (host.starts_with("0.0.0.0:")) host = "localhost:" + std::to_string(http_->port());
    url_ = "http://" + host + options_.gateway.stream_root;
    return absl::OkStatus();
  }

  const ServerOptions options_;
  Clock& clock_;
  std::vector<std::unique_ptr<http::IoThread>> threads_;
  std::unique_ptr<StreamStore> store_;
  std::unique_ptr<Subscription> watch_;
  std::unique_ptr<LiveFeeds> feeds_;
  std::unique_ptr<Gateway> gateway_;
  std::shared_ptr<http::ServerShared> shared_;
  std::unique_ptr<http::Server> http_;
  std::unique_ptr<rpc::RpcServer> rpc_;
  std::string url_;
  std::string grpc_address_;
  std::mutex stop_mutex_;
  bool stopped_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options, Hooks hooks,
                                                      Clock& clock) {
  auto server = std::make_unique<ServerImpl>(options, clock);
  const absl::Status status = server->StartAll(std::move(hooks));
  if (!status.ok()) return status;
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace ds

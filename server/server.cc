#include "server/server.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "base/file_watcher.h"
#include "gateway/http/server.h"
#include "gateway/http/tls.h"
#include "gateway/live/live_feeds.h"
#include "metrics/admin.h"
#include "metrics/health.h"
#include "metrics/metrics.h"
#include "metrics/process.h"
#include "server/exposure.h"
#include "server/guard.h"
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
      case ChangeEvent::Kind::kLost:
        if (hooks_.changes_lost) hooks_.changes_lost();
        break;
      case ChangeEvent::Kind::kAppended:
      case ChangeEvent::Kind::kClosed:
        break;
    }
  }

 private:
  const Server::Hooks hooks_;
};

const char* RoleName(Role role) {
  switch (role) {
    case Role::kDev:
      return "dev";
    case Role::kServe:
      return "serve";
    case Role::kStorage:
      return "storage";
    case Role::kGateway:
      return "gateway";
  }
  return "";
}

ServerOptions WithDefaults(ServerOptions options) {
  if (options.listen.empty()) options.listen = DefaultListen(options);
  return options;
}

// The members are in the order in which they are built; they go in the opposite one.
class ServerImpl final : public Server {
 public:
  ServerImpl(const ServerOptions& options, Clock& clock)
      : options_(WithDefaults(options)), clock_(clock) {}
  ~ServerImpl() override { Stop(); }

  absl::Status StartAll(Hooks hooks) {
    for (const std::string& exposed : ExposedFiles(options_)) spdlog::warn("{}", exposed);
    process_sampling_ = SampleProcess(metrics_, kVersion, RoleName(options_.role));
    AddHealthChecks();
    absl::Status status = StartAdmin();
    if (status.ok()) status = OpenStore();
    if (!status.ok()) return status;
    if (hooks.stream_created || hooks.stream_deleted) {
      watch_ = store_->Watch("**", std::make_shared<HookCaller>(std::move(hooks)));
    }
    if (options_.role != Role::kStorage) status = StartHttp();
    if (!status.ok()) return status;
    if (status.ok()) status = StartRpc();
    started_ = status.ok();
    return status;
  }

  void Stop() override {
    const std::lock_guard<std::mutex> lock(stop_mutex_);
    if (stopped_) return;
    stopped_ = true;
    draining_ = true;
    if (rpc_ != nullptr) rpc_->Drain();
    if (started_) absl::SleepFor(options_.drain_delay);
    if (http_ != nullptr) {
      shared_->draining = true;
      feeds_->Drain();
      http_->Drain(options_.drain_timeout);
    }
    if (rpc_ != nullptr) rpc_->Stop(options_.drain_timeout);
    admin_.reset();
    for (const auto& io : threads_) io->Stop();
    http_sampling_ = {};
    watch_.reset();
    rpc_.reset();
    http_.reset();
    feeds_.reset();
    store_.reset();
  }

  const std::string& url() const override { return url_; }
  const std::string& grpc_address() const override { return grpc_address_; }
  const std::string& admin_address() const override { return admin_address_; }
  StreamStore& store() override { return *store_; }

 private:
  void AddHealthChecks() {
    health_.AddLiveness("event_loops", [this] { return WhyStuck(); });
    health_.AddReadiness("started",
                         [this] { return started_ ? std::string() : "the server is starting"; });
    health_.AddReadiness("draining",
                         [this] { return draining_ ? "the server is stopping" : std::string(); });
    health_.AddReadiness("storage", [this] {
      if (!started_) return std::string("not open yet");
      const bool lost = remote_ != nullptr && !remote_->connected();
      return lost ? "no connection to " + options_.storage : std::string();
    });
    if (options_.role == Role::kGateway) return;
    health_.AddReadiness("writes", [this] {
      return started_ && engine_ != nullptr ? engine_->WhyReadOnly() : std::string();
    });
  }

  // Whether each HTTP thread has turned lately.
  std::string WhyStuck() const {
    if (!started_) return {};
    constexpr auto kTooLong = std::chrono::seconds(10);
    const auto now = std::chrono::steady_clock::now();
    for (const auto& io : threads_) {
      if (now - io->last_tick() > kTooLong) {
        return "HTTP thread " + std::to_string(io->index()) + " has not turned for 10 s";
      }
    }
    return {};
  }

  absl::StatusOr<std::string> MakeBackup() {
    if (!started_ || engine_ == nullptr) return absl::UnavailableError("the storage is not open");
    const absl::StatusOr<BackupInfo> made =
        engine_->Backup(options_.backup_directory, options_.backups_kept);
    if (!made.ok()) {
      spdlog::error("backup: {}", std::string(made.status().message()));
      return made.status();
    }
    spdlog::info("backup {} was made: {} files, {} bytes", made->id, made->files, made->bytes);
    return "{\"id\":" + std::to_string(made->id) + ",\"files\":" + std::to_string(made->files) +
           ",\"bytes\":" + std::to_string(made->bytes) + "}\n";
  }

  absl::Status StartAdmin() {
    if (options_.admin_listen.empty()) return absl::OkStatus();
    AdminServer::Options admin{.address = options_.admin_listen, .hosts = options_.admin_hosts};
    if (!options_.backup_directory.empty()) admin.backup = [this] { return MakeBackup(); };
    absl::StatusOr<std::unique_ptr<AdminServer>> started =
        AdminServer::Start(admin, metrics_, health_);
    if (!started.ok() && !options_.admin_listen_required) {
      const std::string& address = options_.admin_listen;
      admin.address = address.substr(0, address.rfind(':')) + ":0";
      started = AdminServer::Start(admin, metrics_, health_);
      if (started.ok()) {
        spdlog::warn("{} is taken: metrics and health are on {} (--admin-listen)", address,
                     (*started)->address());
      }
    }
    if (!started.ok()) {
      return absl::Status(started.status().code(), "admin listener (--admin-listen): " +
                                                       std::string(started.status().message()));
    }
    admin_ = *std::move(started);
    admin_address_ = admin_->address();
    return absl::OkStatus();
  }

  absl::Status OpenStore() {
    if (options_.role == Role::kGateway) {
      auto remote = rpc::RemoteStore::Connect({.target = options_.storage,
                                               .metrics = &metrics_,
                                               .tls = options_.rpc_tls,
                                               .token_file = options_.rpc_token_file,
                                               .call_timeout = options_.gateway.request_timeout});
      if (!remote.ok()) return remote.status();
      remote_ = remote->get();
      store_ = *std::move(remote);
      return absl::OkStatus();
    }
    EngineOptions engine = options_.engine;
    engine.metrics = &metrics_;
    if (options_.role == Role::kDev) engine.database.directory.clear();
    absl::StatusOr<std::unique_ptr<Engine>> opened = Engine::Open(engine, clock_);
    if (!opened.ok()) return opened.status();
    engine_ = opened->get();
    store_ = *std::move(opened);
    return absl::OkStatus();
  }

  absl::Status StartRpc() {
    const std::string& address =
        options_.role == Role::kStorage ? options_.listen : options_.grpc_listen;
    if (address.empty()) return absl::OkStatus();
    // Room for the largest body, and as much again for what a session puts into one message.
    const uint64_t max_message_bytes = options_.limits.max_body * 2 + (16u << 20);
    const absl::Status loaded = LoadRpcTokens();
    if (!loaded.ok()) return loaded;
    absl::StatusOr<std::unique_ptr<rpc::RpcServer>> started =
        rpc::RpcServer::Start({.address = address,
                               .max_message_bytes = max_message_bytes,
                               .max_body_bytes = options_.limits.max_body,
                               .tls = options_.rpc_tls,
                               .tokens = rpc_tokens_.get()},
                              *store_);
    if (!started.ok()) return started.status();
    rpc_ = *std::move(started);
    grpc_address_ = rpc_->address();
    WarnOfOpenRpc();
    return absl::OkStatus();
  }

  absl::Status LoadRpcTokens() {
    if (options_.rpc_token_file.empty()) return absl::OkStatus();
    absl::StatusOr<std::unique_ptr<rpc::Tokens>> loaded =
        rpc::Tokens::Load(options_.rpc_token_file);
    if (!loaded.ok()) {
      return absl::InvalidArgumentError("--grpc-token-file: " +
                                        std::string(loaded.status().message()));
    }
    rpc_tokens_ = *std::move(loaded);
    files_.Watch([this] { return std::vector<std::string>{rpc_tokens_->file()}; },
                 [this] {
                   const absl::Status status = rpc_tokens_->Reload();
                   if (status.ok()) {
                     spdlog::info("the tokens for gRPC were read again");
                   } else {
                     spdlog::error("the tokens for gRPC that were there stay in force: {}",
                                   std::string(status.message()));
                   }
                 });
    return absl::OkStatus();
  }

  void WarnOfOpenRpc() const {
    if (IsLocal(grpc_address_)) return;
    const bool names_clients = !options_.rpc_tls.ca_file.empty() || rpc_tokens_ != nullptr;
    if (!names_clients) {
      spdlog::warn(
          "the gRPC port {} asks nobody who they are: whoever reaches it may read, write and "
          "delete every stream (--grpc-token-file, --grpc-client-ca, or an address of this machine "
          "only)",
          grpc_address_);
    } else if (options_.rpc_tls.certificate_file.empty()) {
      spdlog::warn("the gRPC port {} takes tokens in clear text (--grpc-tls-cert)", grpc_address_);
    }
  }

  std::vector<std::string> CertificateFiles() const {
    return {options_.tls_certificate_file, options_.tls_key_file};
  }

  absl::Status StartTls() {
    const std::string& certificate = options_.tls_certificate_file;
    const std::string& key = options_.tls_key_file;
    if (certificate.empty() && key.empty()) return absl::OkStatus();
    if (certificate.empty() || key.empty()) {
      return absl::InvalidArgumentError("--tls-cert and --tls-key go together");
    }
    absl::StatusOr<std::unique_ptr<http::TlsServer>> loaded =
        http::TlsServer::Load(certificate, key);
    if (!loaded.ok()) return loaded.status();
    tls_ = *std::move(loaded);
    shared_->tls = tls_.get();
    files_.Watch([this] { return CertificateFiles(); },
                 [this] {
                   const absl::Status status = tls_->Reload();
                   if (status.ok()) {
                     spdlog::info("the TLS certificate was renewed; it ends {}",
                                  absl::FormatTime(tls_->expiry(), absl::UTCTimeZone()));
                   } else {
                     // Perhaps only one of the two is written yet.
                     spdlog::error("the new TLS certificate is not used: {}",
                                   std::string(status.message()));
                   }
                 });
    return absl::OkStatus();
  }

  absl::Status StartHttp() {
    absl::Status checked = CheckCors(options_.gateway.cors);
    if (checked.ok()) checked = CheckPublicAddress(options_.gateway.address);
    if (!checked.ok()) return checked;
    uint32_t count = options_.threads;
    if (count == 0) count = std::max(2u, std::thread::hardware_concurrency()) - 1;
    std::vector<http::IoThread*> threads;
    for (uint32_t i = 0; i < count; ++i) {
      threads_.push_back(std::make_unique<http::IoThread>(i));
      threads.push_back(threads_.back().get());
    }
    feeds_ = std::make_unique<LiveFeeds>(*store_, options_.gateway.cursors, clock_, metrics_);
    absl::StatusOr<std::unique_ptr<Guard>> guard = Guard::Make(options_, clock_, metrics_, files_);
    if (!guard.ok()) return guard.status();
    guard_ = *std::move(guard);
    gateway_ = std::make_unique<Gateway>(options_.gateway, *store_, *feeds_, guard_->admission(),
                                         clock_, metrics_);
    shared_ = std::make_shared<http::ServerShared>();
    shared_->limits = options_.limits;
    shared_->timeouts = options_.timeouts;
    shared_->max_connections = options_.max_connections;
    BodyBudget::Options bodies = options_.bodies;
    // The largest body must have room, also while it is decoded.
    if (bodies.max_client_bytes == 0) {
      bodies.max_client_bytes = std::max(bodies.max_bytes / 2, 2 * options_.limits.max_body);
    }
    shared_->bodies.Configure(bodies);
    shared_->min_body_rate = options_.min_body_rate;
    shared_->handler = gateway_.get();
    shared_->http2 = options_.http2;
    const absl::Status secured = StartTls();
    if (!secured.ok()) return secured;
    for (http::IoThread* io : threads) io->Start();
    feeds_->WakeOn([this] { return guard_->admission().generation(); });
    threads[0]->Post([this] { threads_[0]->AddSwept(*feeds_); });
    http_ = std::make_unique<http::Server>(threads, shared_);
    const absl::Status status = http_->Listen(options_.listen);
    if (!status.ok()) return status;
    std::string host = http_->address();
    if (host.starts_with("0.0.0.0:")) host = "localhost:" + std::to_string(http_->port());
    url_ = (tls_ != nullptr ? "https://" : "http://") + host + options_.gateway.stream_root;
    http_sampling_ = metrics_.Sample([this](Samples& samples) {
      samples.Gauge("durable_streams_http_connections", "Open connections of clients.",
                    static_cast<double>(shared_->connections.load()));
      samples.Gauge("durable_streams_http_buffered_body_bytes",
                    "Memory of request bodies that are arriving.",
                    static_cast<double>(shared_->bodies.bytes()));
      SampleRefusedBodies(samples);
      SampleLoops(samples);
      samples.Gauge("durable_streams_http2_connections", "Those of them that speak HTTP/2.",
                    static_cast<double>(shared_->http2_connections.load()));
      samples.Gauge("durable_streams_http2_streams", "Exchanges on HTTP/2 connections.",
                    static_cast<double>(shared_->http2_streams.load()));
      samples.Counter("durable_streams_http2_floods_total",
                      "HTTP/2 connections that were ended for too many control frames.",
                      static_cast<double>(shared_->http2_floods.load()));
      samples.Counter("durable_streams_http_refused_connections_total",
                      "Connections that were closed at once because there were too many.",
                      static_cast<double>(shared_->refused_connections.load()));
      if (tls_ == nullptr) return;
      samples.Gauge("durable_streams_tls_certificate_expiry_seconds",
                    "When the certificate in use ends, since the Unix epoch.",
                    absl::ToDoubleSeconds(tls_->expiry() - absl::UnixEpoch()));
      samples.Counter("durable_streams_tls_handshake_failures_total", "TLS handshakes that failed.",
                      static_cast<double>(tls_->handshake_failures()));
    });
    return absl::OkStatus();
  }

  void SampleRefusedBodies(Samples& samples) const {
    using Refusal = BodyBudget::Refusal;
    const std::pair<const char*, uint64_t> counts[] = {
        {"full", shared_->bodies.refusals(Refusal::kFull)},
        {"client", shared_->bodies.refusals(Refusal::kClient)},
        {"crowded", shared_->bodies.refusals(Refusal::kCrowded)},
        {"slow", shared_->slow_bodies.load()}};
    for (const auto& [reason, count] : counts) {
      samples.Counter("durable_streams_http_refused_bodies_total",
                      "Request bodies that were given up while they arrived.",
                      static_cast<double>(count), {{"reason", reason}});
    }
  }

  void SampleLoops(Samples& samples) const {
    uint64_t stalls = 0;
    std::chrono::duration<double> stalled{0};
    for (const auto& io : threads_) {
      stalls += io->watch().stalls();
      stalled += io->watch().stalled();
    }
    samples.Counter("durable_streams_loop_stalls_total",
                    "Turns of an event loop, or batches of the commit thread, of 100 ms and more.",
                    static_cast<double>(stalls), {{"loop", "http"}});
    samples.Counter("durable_streams_loop_stalled_seconds_total", "How long those were, together.",
                    stalled.count(), {{"loop", "http"}});
  }

  const ServerOptions options_;
  Clock& clock_;
  Metrics metrics_;
  Health health_{metrics_};
  std::atomic<bool> started_{false};
  std::atomic<bool> draining_{false};
  std::vector<std::unique_ptr<http::IoThread>> threads_;
  std::unique_ptr<StreamStore> store_;
  // What it is, for its health; nullptr if it is the other.
  Engine* engine_ = nullptr;
  rpc::RemoteStore* remote_ = nullptr;
  std::unique_ptr<Subscription> watch_;
  std::unique_ptr<LiveFeeds> feeds_;
  std::unique_ptr<Guard> guard_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<http::TlsServer> tls_;
  std::shared_ptr<http::ServerShared> shared_;
  std::unique_ptr<http::Server> http_;
  std::unique_ptr<rpc::Tokens> rpc_tokens_;
  std::unique_ptr<rpc::RpcServer> rpc_;
  FileWatcher files_;
  Metrics::Sampling process_sampling_;
  Metrics::Sampling http_sampling_;
  // Before the rest goes: it looks at all of it.
  std::unique_ptr<AdminServer> admin_;
  std::string admin_address_;
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

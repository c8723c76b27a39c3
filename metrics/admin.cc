#include "metrics/admin.h"

#include <arpa/inet.h>

#include <algorithm>
#include <coroutine>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "gateway/http/exchange.h"
#include "storage/api/errors.h"

namespace ds {

namespace {

bool IsAddress(const std::string& host) {
  in6_addr binary{};
  return host.starts_with('[') || inet_pton(AF_INET, host.c_str(), &binary) == 1;
}

// Why a web page may be behind the request, and not who administers the server; empty: none is.
// Browsers say where a page is from; one whose own name was made to lead here gives that as Host.
std::string WhyForeign(const http::Request& request, const std::vector<std::string>& hosts) {
  if (request.Count("Origin") > 0) return "web pages may not ask for this: Origin is set";
  for (size_t i = 0; i < request.header_count(); ++i) {
    const auto [name, value] = request.header(i);
    if (http::EqualsIgnoringCase(name, "Sec-Fetch-Site") && value != "none") {
      return "web pages may not ask for this: Sec-Fetch-Site is set";
    }
  }
  const std::string_view authority = request.authority();
  const size_t colon = authority.rfind(':');
  const bool has_port = colon != authority.npos && authority.find(']', colon) == authority.npos;
  std::string host(authority.substr(0, has_port ? colon : authority.npos));
  absl::AsciiStrToLower(&host);
  if (host.ends_with('.')) host.pop_back();
  const bool known = host.empty() || host == "localhost" || IsAddress(host) ||
                     std::find(hosts.begin(), hosts.end(), host) != hosts.end();
  if (known) return {};
  return "this server does not go by the name " + host + " (--admin-hosts)";
}

}  // namespace

class AdminServer::AdminHandler final : public http::Handler {
 public:
  AdminHandler(Metrics& metrics, const Health& health, Backup backup,
               std::vector<std::string> hosts)
      : metrics_(metrics), health_(health), backup_(std::move(backup)), hosts_(std::move(hosts)) {}
  ~AdminHandler() override {
    if (worker_.joinable()) worker_.join();
  }

  Task<int> Handle(http::Exchange& exchange) override {
    const http::Request& request = exchange.request();
    if (request.target() == "/backup" && request.method() == "POST") {
      const std::string foreign = WhyForeign(request, hosts_);
      if (!foreign.empty()) co_return co_await exchange.Respond(Text(403, foreign + "\n"));
      co_return co_await MakeBackup(exchange);
    }
    co_return co_await exchange.Respond(Answer(request));
  }

  http::Response Refuse(http::Exchange&, const absl::Status& error) override {
    return Text(ds::Describe(GetErrorCode(error)).http_status, std::string(error.message()) + "\n");
  }

 private:
  static http::Response Text(int status, std::string text) {
    http::Response response{.status = status};
    response.Add("Content-Type", "text/plain; charset=utf-8");
    response.Add("Cache-Control", "no-store");
    response.Add("X-Content-Type-Options", "nosniff");
    response.body.emplace_back(std::move(text));
    return response;
  }

  // Waits on another thread, so that scrapes and probes go on.
  class Backing {
   public:
    Backing(AdminHandler& handler, http::IoThread& io) : handler_(handler), io_(io) {}
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> coroutine) {
      if (handler_.worker_.joinable()) handler_.worker_.join();
      handler_.worker_ = std::thread([this, coroutine] {
        result_ = handler_.backup_();
        io_.Resume(coroutine);
      });
    }
    absl::StatusOr<std::string> await_resume() { return std::move(result_); }

   private:
    AdminHandler& handler_;
    http::IoThread& io_;
    absl::StatusOr<std::string> result_;
  };

  Task<int> MakeBackup(http::Exchange& exchange) {
    if (!backup_) {
      co_return co_await exchange.Respond(
          Text(404, "this server makes no backups (--backup-dir)\n"));
    }
    if (std::exchange(backing_up_, true)) {
      co_return co_await exchange.Respond(Text(409, "a backup is being made\n"));
    }
    Backing backing(*this, exchange.io());
    const absl::StatusOr<std::string> made = co_await backing;
    backing_up_ = false;
    if (!made.ok()) {
      co_return co_await exchange.Respond(Text(500, std::string(made.status().message()) + "\n"));
    }
    http::Response response{.status = 200};
    response.Add("Content-Type", "application/json");
    response.body.emplace_back(*made);
    co_return co_await exchange.Respond(std::move(response));
  }

  http::Response Answer(const http::Request& request) {
    if (request.method() != "GET" && request.method() != "HEAD") {
      http::Response response = Text(405, "only GET and HEAD\n");
      response.Add("Allow", "GET, HEAD");
      return response;
    }
    const size_t question = request.target().find('?');
    const std::string_view path = request.target().substr(0, question);
    if (path == "/metrics") {
      http::Response response{.status = 200};
      response.Add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
      response.Add("Cache-Control", "no-store");
      response.body.emplace_back(metrics_.Expose());
      return response;
    }
    bool verbose = false;
    std::vector<std::string> excluded;
    if (question != std::string_view::npos) {
      const std::string query(request.target().substr(question + 1));
      for (const absl::string_view part : absl::StrSplit(query, '&')) {
        const std::pair<std::string, std::string> pair =
            absl::StrSplit(part, absl::MaxSplits('=', 1));
        if (pair.first == "verbose") verbose = true;
        if (pair.first == "exclude") excluded.push_back(pair.second);
      }
    }
    if (path == "/healthz") return ToResponse(health_.Live(verbose, excluded));
    if (path == "/readyz") return ToResponse(health_.Ready(verbose, excluded));
    return Text(404, "there are /metrics, /healthz and /readyz\n");
  }

  static http::Response ToResponse(Health::Report report) {
    return Text(report.passes ? 200 : 503, std::move(report.text));
  }

  Metrics& metrics_;
  const Health& health_;
  const Backup backup_;
  const std::vector<std::string> hosts_;
  bool backing_up_ = false;
  std::thread worker_;
};

AdminServer::AdminServer(Options options, Metrics& metrics, const Health& health)
    : io_(0),
      handler_(std::make_unique<AdminHandler>(metrics, health, std::move(options.backup),
                                              std::move(options.hosts))),
      shared_(std::make_shared<http::ServerShared>()) {
  shared_->max_connections = 100;
  shared_->evicts = true;
  shared_->limits.max_body = 0;
  shared_->handler = handler_.get();
}

AdminServer::~AdminServer() {
  if (server_ != nullptr) server_->Drain(absl::ZeroDuration());
  io_.Stop();
}

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(Options options, Metrics& metrics,
                                                                const Health& health) {
  const std::string address = options.address;
  std::unique_ptr<AdminServer> admin(new AdminServer(std::move(options), metrics, health));
  admin->io_.Start();
  admin->server_ =
      std::make_unique<http::Server>(std::vector<http::IoThread*>{&admin->io_}, admin->shared_);
  const absl::Status status = admin->server_->Listen(address);
  if (!status.ok()) return status;
  return admin;
}

}  // namespace ds

#include "server/guard.h"

#include <string>
#include <utility>

#include "server/exposure.h"
#include "spdlog/spdlog.h"

namespace ds {

absl::StatusOr<std::unique_ptr<Guard>> Guard::Make(const ServerOptions& options, Clock& clock,
                                                   Metrics& metrics, FileWatcher& files) {
  std::unique_ptr<Guard> guard(new Guard);
  const bool asks = !options.external_check.url.empty();
  const bool authenticates = !options.auth_config_file.empty();
  if (asks || authenticates) guard->http_client_ = HttpClient::Make({});
  if (authenticates) {
    const absl::Status loaded = guard->LoadAuthenticator(options, clock, files);
    if (!loaded.ok()) return loaded;
  }
  if (asks) {
    guard->external_check_ =
        std::make_unique<auth::ExternalCheck>(options.external_check, *guard->http_client_, clock);
  }
  const std::string open = WhoMayDoAnything(options);
  if (!open.empty()) spdlog::warn("{}", open);
  const PublicAddressOptions& address = options.gateway.address;
  if ((asks || authenticates) && address.url.empty() && address.allowed_hosts.empty()) {
    spdlog::warn(
        "the server does not know its own URL, and the Host of a request is only a client's word: "
        "webhooks are refused, and Location is a path (--public-url, --allowed-hosts)");
  }
  if (options.rate_limits.any()) {
    guard->limiter_ = std::make_unique<RateLimiter>(options.rate_limits);
  }
  guard->memory_ = std::make_unique<MemoryGuard>(options.max_memory_bytes);
  Authentication::Options authentication = options.authentication;
  authentication.takes_cookies = asks;
  const CorsOptions& cors = options.gateway.cors;
  if (cors.credentials) authentication.trusted_origins = cors.origins;
  authentication.public_url = options.gateway.address.url;
  guard->admission_ = std::make_unique<Admission>(
      Admission::Parts{.authenticator = guard->authenticator_.get(),
                       .authentication = std::move(authentication),
                       .external = guard->external_check_.get(),
                       .limiter = guard->limiter_.get(),
                       .memory = guard->memory_.get(),
                       .client_address_header = options.client_address_header,
                       .stream_root = options.gateway.stream_root},
      metrics);
  guard->sampling_ = metrics.Sample([memory = guard->memory_.get()](Samples& samples) {
    samples.Gauge("durable_streams_memory_limit_bytes",
                  "Resident memory from which on requests are refused; 0: no limit.",
                  static_cast<double>(memory->max_bytes()));
    samples.Gauge("durable_streams_memory_shedding", "1 while requests are refused for it.",
                  memory->sheds() ? 1 : 0);
  });
  return guard;
}

absl::Status Guard::LoadAuthenticator(const ServerOptions& options, Clock& clock,
                                      FileWatcher& files) {
  auto loaded = auth::Authenticator::Load(options.auth_config_file, *http_client_, clock);
  if (!loaded.ok()) {
    return absl::Status(loaded.status().code(),
                        "--auth-config: " + std::string(loaded.status().message()));
  }
  authenticator_ = *std::move(loaded);
  auth::Authenticator& authenticator = *authenticator_;
  for (const std::string& file : authenticator.secret_files()) {
    const std::string exposed = WhyExposed("--auth-config", file);
    if (!exposed.empty()) spdlog::warn("{}", exposed);
  }
  files.Watch([&authenticator] { return authenticator.files(); },
              [&authenticator] {
                const absl::Status status = authenticator.Reload();
                if (status.ok()) {
                  spdlog::info("auth: the configuration was read again");
                } else {
                  spdlog::error("auth: what was there stays in force: {}",
                                std::string(status.message()));
                }
              });
  files.EachTime([&authenticator] { authenticator.Tick(); });
  return absl::OkStatus();
}

}  // namespace ds

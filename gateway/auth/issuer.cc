#include "gateway/auth/issuer.h"

#include <utility>

#include "spdlog/spdlog.h"

namespace ds::auth {
namespace {

constexpr absl::Duration kFetchTimeout = absl::Seconds(10);
// Between fetches that tokens with unknown keys ask for, and after a failed one.
constexpr absl::Duration kMinRefresh = absl::Seconds(5);

absl::StatusOr<VerificationKeys> ReadKeys(const IssuerConfig& config) {
  const bool is_jwks = !config.jwks_file.empty();
  const std::string& file = is_jwks ? config.jwks_file : config.key_file;
  const absl::StatusOr<std::string> text = ReadTextFile(file);
  if (!text.ok()) return text.status();
  if (is_jwks) {
    absl::StatusOr<VerificationKeys> keys = ParseJwks(*text);
    if (keys.ok() && keys->empty()) {
      return absl::InvalidArgumentError(file + " holds no key that can be used");
    }
    if (!keys.ok()) {
      return absl::InvalidArgumentError(file + ": " + std::string(keys.status().message()));
    }
    return keys;
  }
  absl::StatusOr<VerificationKey> key = ParsePublicKeyPem(*text);
  if (!key.ok())
    return absl::InvalidArgumentError(file + ": " + std::string(key.status().message()));
  return VerificationKeys{*std::move(key)};
}

}  // namespace

absl::StatusOr<std::shared_ptr<Issuer>> Issuer::Make(
    IssuerConfig config, HttpClient& client, Clock& clock,
    std::shared_ptr<std::atomic<uint64_t>> generation) {
  std::shared_ptr<Issuer> issuer(
      new Issuer(std::move(config), client, clock, std::move(generation)));
  if (issuer->config_.jwks_url.empty()) {
    absl::StatusOr<VerificationKeys> keys = ReadKeys(issuer->config_);
    if (!keys.ok()) return keys.status();
    issuer->keys_ = std::make_shared<const VerificationKeys>(*std::move(keys));
  }
  return issuer;
}

std::shared_ptr<const VerificationKeys> Issuer::keys() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return keys_;
}

bool Issuer::MayRefresh() const {
  if (config_.jwks_url.empty()) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  return fetching_ || clock_.Now() - asked_at_ >= kMinRefresh;
}

bool Issuer::IsDue() const {
  if (config_.jwks_url.empty()) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  const absl::Time now = clock_.Now();
  return !fetching_ && now - fetched_at_ >= config_.jwks_refresh && now - asked_at_ >= kMinRefresh;
}

void Issuer::Refresh(UniqueFunction<void()> done) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    waiting_.push_back(std::move(done));
    if (std::exchange(fetching_, true)) return;
    asked_at_ = clock_.Now();
  }
  HttpClient::Request request;
  request.url = config_.jwks_url;
  request.headers = {{"Accept", "application/jwk-set+json, application/json"}};
  request.timeout = kFetchTimeout;
  client_.Send(std::move(request),
               [self = shared_from_this()](const HttpClient::Response& response) {
                 self->Fetched(response);
               });
}

void Issuer::Fetched(const HttpClient::Response& response) {
  absl::StatusOr<VerificationKeys> keys = absl::InvalidArgumentError(response.failure);
  if (response.status == 200) {
    keys = ParseJwks(response.body);
    if (keys.ok() && keys->empty()) keys = absl::InvalidArgumentError("no key that can be used");
  } else if (response.status != 0) {
    keys = absl::InvalidArgumentError("it answered " + std::to_string(response.status));
  }
  if (!keys.ok()) {
    spdlog::warn("auth: cannot fetch the keys of {} from {}: {}", config_.claims.issuer,
                 config_.jwks_url, std::string(keys.status().message()));
  }
  std::vector<UniqueFunction<void()>> waiting;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    fetching_ = false;
    waiting.swap(waiting_);
    if (keys.ok()) {
      keys_ = std::make_shared<const VerificationKeys>(*std::move(keys));
      fetched_at_ = clock_.Now();
      // The first ones too: until then nothing could be said of a token.
      if (std::exchange(fetched_, response.body) != response.body) ++*generation_;
    }
  }
  for (UniqueFunction<void()>& done : waiting) done();
}

}  // namespace ds::auth

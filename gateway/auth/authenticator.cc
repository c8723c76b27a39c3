#include "gateway/auth/authenticator.h"

#include <fstream>
#include <iterator>
#include <utility>

#include "gateway/auth/issuer.h"
#include "spdlog/spdlog.h"
#include "storage/api/errors.h"

namespace ds::auth {
namespace {

// Tokens that are remembered; when there are more, all are forgotten, which costs a verification
// each.
constexpr size_t kMaxVerified = 10'000;

std::string FolderOf(const std::string& file) {
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : file.substr(0, slash);
}

absl::Status Refused(std::string_view reason) {
  return MakeError(ErrorCode::kUnauthenticated, reason);
}

// A claim as text, for paths and names.
std::optional<std::string> ClaimText(const nlohmann::json& claims, const std::string& name) {
  const auto it = claims.find(name);
  if (it == claims.end()) return std::nullopt;
  if (it->is_string()) return it->get<std::string>();
  if (it->is_number_integer()) return it->dump();
  return std::nullopt;
}

}  // namespace

struct Authenticator::Loaded {
  AuthConfig config;
  std::vector<std::shared_ptr<Issuer>> issuers;
};

absl::StatusOr<std::unique_ptr<Authenticator>> Authenticator::Load(const std::string& file,
                                                                   HttpClient& client,
                                                                   Clock& clock) {
  std::unique_ptr<Authenticator> authenticator(new Authenticator(file, client, clock));
  const absl::Status loaded = authenticator->Reload();
  if (!loaded.ok()) return loaded;
  return authenticator;
}

absl::Status Authenticator::Reload() {
  std::ifstream in(file_);
  if (!in) return absl::InvalidArgumentError("cannot read " + file_);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  absl::StatusOr<AuthConfig> config = ParseAuthConfig(text, FolderOf(file_));
  if (!config.ok()) {
    return absl::InvalidArgumentError(file_ + ": " + std::string(config.status().message()));
  }
  auto loaded = std::make_shared<Loaded>();
  loaded->config = *std::move(config);
  for (const IssuerConfig& issuer : loaded->config.issuers) {
    absl::StatusOr<std::shared_ptr<Issuer>> made =
        Issuer::Make(issuer, client_, clock_, generation_);
    if (!made.ok()) return made.status();
    loaded->issuers.push_back(*std::move(made));
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    loaded_ = std::move(loaded);
    ++*generation_;
  }
  Tick();
  return absl::OkStatus();
}

std::shared_ptr<const Authenticator::Loaded> Authenticator::loaded() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return loaded_;
}

std::vector<std::string> Authenticator::files() const {
  std::vector<std::string> files = loaded()->config.files();
  files.push_back(file_);
  return files;
}

void Authenticator::Tick() {
  for (const auto& issuer : loaded()->issuers) {
    if (issuer->IsDue()) issuer->Refresh([] {});
  }
}

void Authenticator::Refresh(const std::shared_ptr<Issuer>& issuer, UniqueFunction<void()> done) {
  issuer->Refresh(std::move(done));
}

absl::StatusOr<PrincipalPtr> Authenticator::Authenticate(std::string_view token,
                                                         std::shared_ptr<Issuer>* refresh) {
  const std::shared_ptr<const Loaded> loaded = this->loaded();
  if (token.empty()) {
    if (loaded->config.anonymous != nullptr) return loaded->config.anonymous;
    return Refused("a bearer token is required");
  }
  const std::string hash = Sha256(token);
  const absl::Time now = clock_.Wall();
  if (const auto key = loaded->config.keys.find(hash); key != loaded->config.keys.end()) {
    if (key->second->expires <= now) return Refused("the key has expired");
    return key->second;
  }
  const uint64_t generation = this->generation();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (std::exchange(verified_generation_, generation) != generation) verified_.clear();
    const auto known = verified_.find(hash);
    if (known != verified_.end()) {
      if (known->second->expires > now) return known->second;
      verified_.erase(known);
      return Refused("the token has expired");
    }
  }
  absl::StatusOr<PrincipalPtr> principal = AuthenticateJwt(*loaded, token, refresh);
  if (principal.ok()) {
    const std::lock_guard<std::mutex> lock(mutex_);
    // What another configuration, or other keys, have said meanwhile stands.
    if (loaded_ == loaded && this->generation() == generation) {
      if (verified_.size() >= kMaxVerified) verified_.clear();
      verified_[hash] = *principal;
    }
  }
  return principal;
}

absl::StatusOr<PrincipalPtr> Authenticator::AuthenticateJwt(const Loaded& loaded,
                                                            std::string_view token,
                                                            std::shared_ptr<Issuer>* refresh) {
  if (loaded.issuers.empty()) return Refused("the key is not known");
  const absl::StatusOr<Jwt> jwt = ParseJwt(token);
  if (!jwt.ok()) return Refused(std::string(jwt.status().message()));
  const std::string issuer_name = ClaimText(jwt->claims, "iss").value_or("");
  // Several entries may be of one issuer, for several audiences.
  std::string reason = "the issuer is not known";
  for (const auto& issuer : loaded.issuers) {
    const IssuerConfig& config = issuer->config();
    if (config.claims.issuer != issuer_name) continue;
    const std::shared_ptr<const VerificationKeys> keys = issuer->keys();
    const Verdict verdict = keys == nullptr ? Verdict::kUnknownKey : VerifySignature(*jwt, *keys);
    if (verdict == Verdict::kUnknownKey && issuer->MayRefresh() && refresh != nullptr) {
      *refresh = issuer;
    }
    if (keys == nullptr) {
      return MakeError(ErrorCode::kOverloaded, "the keys of the token's issuer cannot be fetched");
    }
    if (verdict != Verdict::kGood) {
      reason = verdict == Verdict::kBad ? "the signature is not good" : "the key is not known";
      continue;
    }
    const absl::StatusOr<absl::Time> end = CheckClaims(jwt->claims, config.claims, clock_.Wall());
    if (!end.ok()) {
      reason = std::string(end.status().message());
      continue;
    }
    Principal principal;
    principal.name =
        "jwt:" + issuer_name + ":" + ClaimText(jwt->claims, config.principal_claim).value_or("");
    principal.expires = *end;
    const auto claim = [&](const std::string& name) { return ClaimText(jwt->claims, name); };
    std::vector<Rule> rules = config.rules.Filled(claim).rules();
    if (!config.rules_claim.empty() && jwt->claims.contains(config.rules_claim)) {
      const absl::StatusOr<RuleSet> own = ParseRules(jwt->claims[config.rules_claim]);
      if (!own.ok()) return Refused("the token's rules are not valid");
      rules.insert(rules.end(), own->rules().begin(), own->rules().end());
    }
    principal.rules = RuleSet(std::move(rules));
    return std::make_shared<const Principal>(std::move(principal));
  }
  return Refused(reason);
}

}  // namespace ds::auth

#include "gateway/auth/authenticator.h"

#include <algorithm>
#include <utility>

#include "gateway/auth/issuer.h"
#include "spdlog/spdlog.h"
#include "storage/api/errors.h"

namespace ds::auth {
namespace {

// How long a signed URL is good when nobody says.
constexpr absl::Duration kDefaultLifetime = absl::Hours(1);
// Tokens that are remembered; when there are more, all are forgotten, which costs a verification
// each.
constexpr size_t kMaxVerified = 10'000;

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
  std::unordered_map<std::string, PrincipalPtr> signers;  // the keys, by Principal::id
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
  absl::StatusOr<AuthConfig> config = LoadAuthConfig(file_);
  if (!config.ok()) return config.status();
  auto loaded = std::make_shared<Loaded>();
  loaded->config = *std::move(config);
  for (const auto& [hash, key] : loaded->config.keys) loaded->signers[key->id] = key;
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

std::vector<std::string> Authenticator::secret_files() const {
  std::vector<std::string> files;
  for (const auto& [id, file] : loaded()->config.url_signing.secret_files) files.push_back(file);
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
    principal.id = CredentialId("jwt", Sha256(principal.name));
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

absl::StatusOr<PrincipalPtr> Authenticator::AuthenticateUrl(const QueryParameters& query,
                                                            const StreamPath& path) const {
  const std::shared_ptr<const Loaded> loaded = this->loaded();
  const absl::StatusOr<SignedUrl> url = ParseSignedUrl(query, path);
  if (!url.ok()) return url.status();
  const UrlGrant& grant = url->grant;
  const UrlKey* const key = loaded->config.url_signing.Find(grant.key_id);
  if (key == nullptr || !IsGoodSignature(grant, key->secret, url->signature)) {
    return MakeError(ErrorCode::kUrlSignatureInvalid, key == nullptr
                                                          ? "the signing key is not known"
                                                          : "the signature is not of this URL");
  }
  Principal principal{.name = grant.signer.empty() ? "url" : "url:" + grant.signer,
                      .is_signed_url = true,
                      .expires = grant.expiry()};
  if (grant.signer.starts_with("key:")) {
    const auto signer = loaded->signers.find(grant.signer);
    if (signer == loaded->signers.end()) {
      return MakeError(ErrorCode::kUrlSignatureInvalid, "who signed it may no longer");
    }
    principal.signer = signer->second;
    principal.expires = std::min(principal.expires, signer->second->expires);
  }
  if (principal.expires <= clock_.Wall()) return MakeError(ErrorCode::kUrlExpired);
  Rule rule{.permissions = UrlPermissions(grant.operations)};
  if (grant.is_pattern()) {
    rule.patterns.push_back(grant.pattern);
  } else {
    rule.paths.push_back(grant.path);
  }
  principal.rules = RuleSet({std::move(rule)});
  return std::make_shared<const Principal>(std::move(principal));
}

absl::StatusOr<Authenticator::SignedGrant> Authenticator::SignUrl(const Principal& signer,
                                                                  const UrlWish& wish) const {
  const std::shared_ptr<const Loaded> loaded = this->loaded();
  const UrlSigning& signing = loaded->config.url_signing;
  if (signing.keys.empty()) {
    return MakeError(ErrorCode::kForbidden, "no keys for signed URLs are configured");
  }
  // What a URL may do must end with it, and with its signer.
  if (signer.id.empty()) {
    return MakeError(ErrorCode::kForbidden, "these credentials sign no URLs");
  }
  const absl::Time now = clock_.Wall();
  const absl::Duration lifetime =
      std::min(wish.lifetime.value_or(kDefaultLifetime), signing.max_lifetime);
  const absl::Time end = std::min(now + lifetime, signer.expires);
  const UrlKey& key = signing.keys.front();
  const UrlGrant grant{.key_id = key.id,
                       .expires = absl::ToUnixSeconds(end),
                       .operations = wish.operations,
                       .signer = signer.id,
                       .path = wish.path,
                       .pattern = wish.pattern};
  return SignedGrant{SignedQuery(grant, key.secret), grant.expiry()};
}

}  // namespace ds::auth

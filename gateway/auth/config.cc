#include "gateway/auth/config.h"

#include <fstream>
#include <initializer_list>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/base64url.h"
#include "base/bounded_json.h"
#include "openssl/rand.h"
#include "openssl/sha.h"

namespace ds::auth {
namespace {

using Json = nlohmann::json;

constexpr JsonBounds kFileBounds{.max_bytes = 16 << 20, .max_depth = 16, .max_values = 1'000'000};

absl::Status Wrong(const std::string& where, const std::string& what) {
  return absl::InvalidArgumentError(where + ": " + what);
}

absl::Status CheckMembers(const Json& json, const std::string& where,
                          std::initializer_list<std::string_view> known) {
  if (!json.is_object()) return Wrong(where, "expected an object");
  for (const auto& [name, value] : json.items()) {
    bool found = false;
    for (const std::string_view one : known) found |= one == name;
    if (!found) return Wrong(where, "unknown member '" + name + "'");
  }
  return absl::OkStatus();
}

// Reads a member into `target` if it is there.
absl::Status TakeString(const Json& json, const std::string& where, const char* name,
                        std::string& target) {
  const auto it = json.find(name);
  if (it == json.end()) return absl::OkStatus();
  if (!it->is_string() || it->get_ref<const std::string&>().empty()) {
    return Wrong(where, std::string(name) + " must be a string");
  }
  target = it->get<std::string>();
  return absl::OkStatus();
}

absl::Status TakeSeconds(const Json& json, const std::string& where, const char* name,
                         absl::Duration& target) {
  const auto it = json.find(name);
  if (it == json.end()) return absl::OkStatus();
  if (!it->is_number() || it->get<double>() < 0 || it->get<double>() > 1e9) {
    return Wrong(where, std::string(name) + " must be a number of seconds");
  }
  target = absl::Seconds(it->get<double>());
  return absl::OkStatus();
}

absl::StatusOr<RuleSet> TakeRules(const Json& json, const std::string& where) {
  const auto it = json.find("rules");
  if (it == json.end()) return RuleSet();
  absl::StatusOr<RuleSet> rules = ParseRules(*it);
  if (!rules.ok()) return Wrong(where, std::string(rules.status().message()));
  return rules;
}

absl::Status TakeKey(const Json& json, const std::string& where, AuthConfig& config) {
  absl::Status status = CheckMembers(json, where, {"name", "sha256", "rules", "expires"});
  Principal principal;
  std::string name;
  std::string hash;
  std::string expires;
  if (status.ok()) status = TakeString(json, where, "name", name);
  if (status.ok()) status = TakeString(json, where, "sha256", hash);
  if (status.ok()) status = TakeString(json, where, "expires", expires);
  if (!status.ok()) return status;
  if (name.empty()) return Wrong(where, "name is missing");
  const std::string digest = absl::HexStringToBytes(hash);
  if (hash.size() != 2 * SHA256_DIGEST_LENGTH ||
      hash.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
    return Wrong(where, "sha256 must be 64 hex digits");
  }
  std::string error;
  if (!expires.empty() &&
      !absl::ParseTime(absl::RFC3339_full, expires, &principal.expires, &error)) {
    return Wrong(where, "expires: " + error);
  }
  absl::StatusOr<RuleSet> rules = TakeRules(json, where);
  if (!rules.ok()) return rules.status();
  principal.name = "key:" + name;
  principal.id = CredentialId("key", digest);
  principal.rules = rules->Filled([](const std::string&) { return std::nullopt; });
  if (principal.rules.rules().size() != rules->rules().size()) {
    return Wrong(where, "{...} in a path stands for a token's claim; keys have none");
  }
  if (!config.keys.emplace(digest, std::make_shared<const Principal>(std::move(principal)))
           .second) {
    return Wrong(where, "the same sha256 as another key");
  }
  return absl::OkStatus();
}

absl::Status TakeIssuer(const Json& json, const std::string& where, const std::string& folder,
                        AuthConfig& config) {
  absl::Status status = CheckMembers(
      json, where,
      {"issuer", "audience", "jwks_url", "jwks_file", "key_file", "jwks_refresh_seconds",
       "clock_skew_seconds", "principal_claim", "rules", "rules_claim"});
  IssuerConfig issuer;
  const auto take = [&](const char* name, std::string& target) {
    if (status.ok()) status = TakeString(json, where, name, target);
  };
  take("issuer", issuer.claims.issuer);
  take("audience", issuer.claims.audience);
  take("jwks_url", issuer.jwks_url);
  take("jwks_file", issuer.jwks_file);
  take("key_file", issuer.key_file);
  take("principal_claim", issuer.principal_claim);
  take("rules_claim", issuer.rules_claim);
  if (status.ok()) {
    status = TakeSeconds(json, where, "clock_skew_seconds", issuer.claims.clock_skew);
  }
  if (status.ok()) status = TakeSeconds(json, where, "jwks_refresh_seconds", issuer.jwks_refresh);
  if (!status.ok()) return status;
  if (issuer.claims.issuer.empty()) return Wrong(where, "issuer is missing");
  const int sources =
      !issuer.jwks_url.empty() + !issuer.jwks_file.empty() + !issuer.key_file.empty();
  if (sources != 1) return Wrong(where, "one of jwks_url, jwks_file and key_file is needed");
  if (!issuer.jwks_url.empty() && !issuer.jwks_url.starts_with("https://") &&
      !issuer.jwks_url.starts_with("http://")) {
    return Wrong(where, "jwks_url must begin with https:// or http://");
  }
  for (std::string* const file : {&issuer.jwks_file, &issuer.key_file}) {
    if (!file->empty() && !file->starts_with('/')) *file = folder + "/" + *file;
  }
  absl::StatusOr<RuleSet> rules = TakeRules(json, where);
  if (!rules.ok()) return rules.status();
  issuer.rules = *std::move(rules);
  config.issuers.push_back(std::move(issuer));
  return absl::OkStatus();
}

absl::Status TakeUrlKey(const Json& json, const std::string& where, const std::string& folder,
                        UrlSigning& signing) {
  absl::Status status = CheckMembers(json, where, {"id", "secret", "secret_file"});
  UrlKey key;
  std::string file;
  if (status.ok()) status = TakeString(json, where, "id", key.id);
  if (status.ok()) status = TakeString(json, where, "secret", key.secret);
  if (status.ok()) status = TakeString(json, where, "secret_file", file);
  if (!status.ok()) return status;
  if (!IsUrlKeyId(key.id)) return Wrong(where, "id must be 1 to 64 letters, digits, -, _ and .");
  if (signing.Find(key.id) != nullptr) return Wrong(where, "the same id as another key");
  if (key.secret.empty() == file.empty()) {
    return Wrong(where, "one of secret and secret_file is needed");
  }
  if (file.empty() && key.secret.size() < kMinUrlSecretBytes) {
    return Wrong(where, absl::StrCat("secret must have ", kMinUrlSecretBytes, " bytes or more"));
  }
  if (!file.empty()) {
    signing.secret_files[key.id] = file.starts_with('/') ? file : folder + "/" + file;
  }
  signing.keys.push_back(std::move(key));
  return absl::OkStatus();
}

template <typename Take>
absl::Status TakeList(const Json& json, const char* name, Take take) {
  const auto it = json.find(name);
  if (it == json.end()) return absl::OkStatus();
  if (!it->is_array()) return Wrong(name, "expected an array");
  for (size_t i = 0; i < it->size(); ++i) {
    const absl::Status status = take((*it)[i], absl::StrCat(name, "[", i, "]"));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// 256 random bits.
std::string RandomText() {
  unsigned char bytes[32];
  RAND_bytes(bytes, sizeof bytes);
  return Base64Url(std::string_view(reinterpret_cast<const char*>(bytes), sizeof bytes));
}

}  // namespace

const UrlKey* UrlSigning::Find(std::string_view id) const {
  for (const UrlKey& key : keys) {
    if (key.id == id) return &key;
  }
  return nullptr;
}

std::vector<std::string> AuthConfig::files() const {
  std::vector<std::string> files;
  for (const auto& [id, file] : url_signing.secret_files) files.push_back(file);
  for (const IssuerConfig& issuer : issuers) {
    if (!issuer.jwks_file.empty()) files.push_back(issuer.jwks_file);
    if (!issuer.key_file.empty()) files.push_back(issuer.key_file);
  }
  return files;
}

absl::StatusOr<RuleSet> ParseRules(const nlohmann::json& json) {
  if (!json.is_array()) return absl::InvalidArgumentError("rules must be an array");
  std::vector<Rule> rules;
  for (size_t i = 0; i < json.size(); ++i) {
    const std::string where = absl::StrCat("rules[", i, "]");
    const absl::Status status = CheckMembers(json[i], where, {"paths", "operations"});
    if (!status.ok()) return status;
    const auto strings = [&](const char* name) -> const Json* {
      const auto it = json[i].find(name);
      if (it == json[i].end() || !it->is_array() || it->empty()) return nullptr;
      for (const Json& one : *it) {
        if (!one.is_string()) return nullptr;
      }
      return &*it;
    };
    const Json* const paths = strings("paths");
    const Json* const operations = strings("operations");
    if (paths == nullptr || operations == nullptr) {
      return Wrong(where, "paths and operations must be arrays of strings");
    }
    Rule rule;
    for (const Json& path : *paths) {
      absl::StatusOr<PathPattern> pattern = PathPattern::Parse(path.get<std::string>());
      if (!pattern.ok()) return Wrong(where, std::string(pattern.status().message()));
      rule.patterns.push_back(*std::move(pattern));
    }
    for (const Json& operation : *operations) {
      const std::string name = operation.get<std::string>();
      const std::optional<Permission> permission = PermissionFromName(name);
      if (permission) {
        rule.permissions |= static_cast<uint8_t>(*permission);
      } else if (name == "*") {
        rule.permissions = 0xff;
      } else {
        return Wrong(where, "unknown operation '" + name + "'");
      }
    }
    rules.push_back(std::move(rule));
  }
  return RuleSet(std::move(rules));
}

absl::StatusOr<AuthConfig> ParseAuthConfig(const std::string& json, const std::string& folder) {
  if (!KeepsJsonBounds(json, kFileBounds)) {
    return absl::InvalidArgumentError("more than 16 MiB, 16 levels or a million values");
  }
  Json root;
  try {
    root = Json::parse(json);
  } catch (const Json::exception& error) {
    // Beside what is no JSON: numbers that are out of range.
    return absl::InvalidArgumentError(error.what());
  }
  absl::Status status = CheckMembers(root, "the file", {"anonymous", "keys", "jwt", "url_signing"});
  if (!status.ok()) return status;
  AuthConfig config;
  if (const auto it = root.find("anonymous"); it != root.end()) {
    status = CheckMembers(*it, "anonymous", {"rules"});
    if (!status.ok()) return status;
    absl::StatusOr<RuleSet> rules = TakeRules(*it, "anonymous");
    if (!rules.ok()) return rules.status();
    Principal anonymous{.name = "anonymous", .anonymous = true, .rules = *std::move(rules)};
    config.anonymous = std::make_shared<const Principal>(std::move(anonymous));
  }
  status = TakeList(root, "keys", [&](const Json& one, const std::string& where) {
    return TakeKey(one, where, config);
  });
  if (!status.ok()) return status;
  status = TakeList(root, "jwt", [&](const Json& one, const std::string& where) {
    return TakeIssuer(one, where, folder, config);
  });
  if (!status.ok()) return status;
  if (const auto it = root.find("url_signing"); it != root.end()) {
    status = CheckMembers(*it, "url_signing", {"keys", "max_lifetime_seconds"});
    UrlSigning& signing = config.url_signing;
    if (status.ok()) {
      status = TakeSeconds(*it, "url_signing", "max_lifetime_seconds", signing.max_lifetime);
    }
    if (status.ok()) {
      status = TakeList(*it, "keys", [&](const Json& one, const std::string& where) {
        return TakeUrlKey(one, "url_signing." + where, folder, signing);
      });
    }
    if (!status.ok()) return status;
    if (signing.keys.empty()) return Wrong("url_signing", "keys are missing");
  }
  return config;
}

absl::StatusOr<std::string> ReadTextFile(const std::string& name) {
  std::ifstream in(name);
  if (!in) return absl::InvalidArgumentError("cannot read " + name);
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

absl::Status ReadUrlSecrets(UrlSigning& signing) {
  for (UrlKey& key : signing.keys) {
    const auto file = signing.secret_files.find(key.id);
    if (file == signing.secret_files.end()) continue;
    absl::StatusOr<std::string> text = ReadTextFile(file->second);
    if (!text.ok()) return text.status();
    key.secret = std::string(absl::StripTrailingAsciiWhitespace(*text));
    if (key.secret.size() < kMinUrlSecretBytes) {
      return Wrong(file->second,
                   absl::StrCat("a secret has ", kMinUrlSecretBytes, " bytes or more"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<AuthConfig> LoadAuthConfig(const std::string& file) {
  const absl::StatusOr<std::string> text = ReadTextFile(file);
  if (!text.ok()) return text.status();
  const size_t slash = file.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : file.substr(0, slash);
  absl::StatusOr<AuthConfig> config = ParseAuthConfig(*text, folder);
  if (!config.ok()) return Wrong(file, std::string(config.status().message()));
  const absl::Status secrets = ReadUrlSecrets(config->url_signing);
  if (!secrets.ok()) return secrets;
  return config;
}

std::string Sha256(std::string_view text) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash);
  return std::string(reinterpret_cast<const char*>(hash), sizeof hash);
}

std::string CredentialId(std::string_view kind, std::string_view hash) {
  // Enough to tell it from others.
  constexpr size_t kBytes = 8;
  return std::string(kind) + ":" + absl::BytesToHexString(std::string(hash.substr(0, kBytes)));
}

std::string NewApiKey() { return "dsk_" + RandomText(); }

std::string NewUrlSecret() { return "dsu_" + RandomText(); }

}  // namespace ds::auth

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/percent_encode.h"
#include "commands/commands.h"
#include "gateway/auth/config.h"
#include "gateway/auth/signed_url.h"
#include "storage/api/path_pattern.h"
#include "storage/api/stream_path.h"

// Signed URLs (docs/security.md), from whoever has the secret: no server is asked.

namespace ds {
namespace {

struct SignOptions {
  std::string auth_config;
  std::string key_id;  // empty: the one that signs
  std::string path;
  std::string pattern;
  std::string operations = "read";
  std::string expires_in = "1h";
  std::string expires_at;  // wins, when it is given
  std::string root = "http://localhost:4437/v1/stream/";
};

absl::StatusOr<int64_t> Expires(const SignOptions& options, absl::Duration longest) {
  const absl::Time now = absl::Now();
  absl::Time end;
  absl::Duration lifetime;
  std::string error;
  if (!options.expires_at.empty()) {
    if (!absl::ParseTime(absl::RFC3339_full, options.expires_at, &end, &error)) {
      return absl::InvalidArgumentError("--expires-at: " + error);
    }
  } else if (absl::ParseDuration(options.expires_in, &lifetime) && lifetime >= absl::Seconds(1) &&
             lifetime < absl::InfiniteDuration()) {
    end = now + lifetime;
  } else {
    return absl::InvalidArgumentError("--expires-in is no duration; write 30s, 10m or 2h");
  }
  if (end > now + longest) {
    return absl::InvalidArgumentError(
        absl::StrCat("the URL would live longer than max_lifetime_seconds allows, ",
                     absl::FormatDuration(longest)));
  }
  return absl::ToUnixSeconds(end);
}

absl::StatusOr<std::string> Sign(const SignOptions& options) {
  const absl::StatusOr<auth::AuthConfig> config = auth::LoadAuthConfig(options.auth_config);
  if (!config.ok()) return config.status();
  const auth::UrlSigning& signing = config->url_signing;
  if (signing.keys.empty()) {
    return absl::InvalidArgumentError(options.auth_config + ": url_signing is missing");
  }
  const auth::UrlKey* const key =
      options.key_id.empty() ? &signing.keys.front() : signing.Find(options.key_id);
  if (key == nullptr) return absl::InvalidArgumentError("no key " + options.key_id);
  if (auth::UrlPermissions(options.operations) == 0) {
    return absl::InvalidArgumentError(
        "--operations: read, append, create, delete and list, joined by commas, each once");
  }
  const absl::StatusOr<int64_t> expires = Expires(options, signing.max_lifetime);
  if (!expires.ok()) return expires.status();
  auth::UrlGrant grant{.key_id = key->id, .expires = *expires, .operations = options.operations};
  if (!options.pattern.empty()) {
    absl::StatusOr<PathPattern> pattern = PathPattern::Parse(options.pattern);
    if (!pattern.ok()) return pattern.status();
    grant.pattern = *std::move(pattern);
    return auth::SignedQuery(grant, key->secret);
  }
  absl::StatusOr<StreamPath> path = StreamPath::Parse(options.path);
  if (!path.ok()) return path.status();
  grant.path = *std::move(path);
  return absl::StrCat(options.root, options.root.ends_with('/') ? "" : "/",
                      PercentEncode(options.path, "/"), "?", auth::SignedQuery(grant, key->secret));
}

int PrintSigned(const SignOptions& options) {
  const absl::StatusOr<std::string> text = Sign(options);
  if (!text.ok()) {
    std::fprintf(stderr, "%s\n", std::string(text.status().message()).c_str());
    return 1;
  }
  std::printf("%s\n", text->c_str());
  return 0;
}

int PrintNewUrlSecret() {
  std::printf("%s\n", auth::NewUrlSecret().c_str());
  return 0;
}

}  // namespace

void AddUrlCommands(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<SignOptions>();
  CLI::App* const sign = app.add_subcommand(
      "sign-url", "Print a URL that carries its own right, or for a pattern its query");
  sign->add_option("--auth-config", options->auth_config, "file with the keys, as of the server")
      ->required();
  CLI::Option_group* const what = sign->add_option_group("what");
  what->add_option("--path", options->path, "path of a stream, below the root");
  what->add_option("--pattern", options->pattern, "pattern of the streams' paths, as in rules");
  what->require_option(1);
  sign->add_option("--operations", options->operations,
                   "what it allows: read, append, create, delete and list, joined by commas")
      ->capture_default_str();
  sign->add_option("--expires-in", options->expires_in, "how long it is good, as 30s, 10m, 2h")
      ->capture_default_str();
  sign->add_option("--expires-at", options->expires_at, "until when instead (RFC 3339)");
  sign->add_option("--key", options->key_id, "id of the key; by default the one that signs");
  sign->add_option("--root", options->root, "URL of the stream root, as clients see it")
      ->capture_default_str();
  sign->callback([&chosen, options] { chosen = [options] { return PrintSigned(*options); }; });

  app.add_subcommand("new-url-secret", "Print a new secret to sign URLs with")->callback([&chosen] {
    chosen = PrintNewUrlSecret;
  });
}

}  // namespace ds

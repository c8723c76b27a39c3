#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bounded_json.h"
#include "gateway/handlers/gateway.h"
#include "gateway/protocol/subscription_json.h"
#include "storage/api/errors.h"
#include "storage/api/path_pattern.h"
#include "storage/api/stream_path.h"

// POST __ds/sign-url: signed URLs for those who may themselves do what they are for.
// docs/security.md describes both.

namespace ds {
namespace {

using Json = nlohmann::json;

constexpr JsonBounds kBodyBounds{.max_bytes = 16 << 10, .max_depth = 4, .max_values = 100};

absl::Status Bad(std::string_view why) { return MakeError(ErrorCode::kBadRequest, why); }

bool NamesStreams(const auth::UrlWish& wish) { return !wish.path.empty() || !wish.pattern.empty(); }

absl::Status TakeTarget(const Json& value, bool is_pattern, auth::UrlWish& wish) {
  if (NamesStreams(wish) || !value.is_string()) {
    return Bad("one of path and pattern is needed, as a string");
  }
  if (is_pattern) {
    absl::StatusOr<PathPattern> pattern = PathPattern::Parse(value.get<std::string>());
    if (!pattern.ok()) return pattern.status();
    wish.pattern = *std::move(pattern);
    return absl::OkStatus();
  }
  absl::StatusOr<StreamPath> path = StreamPath::Parse(value.get<std::string>());
  if (!path.ok()) return path.status();
  if (path->is_reserved()) return Bad("URLs of control APIs are not signed");
  wish.path = *std::move(path);
  return absl::OkStatus();
}

absl::Status TakeOperations(const Json& value, auth::UrlWish& wish) {
  if (!value.is_array()) return Bad("operations must be an array of strings");
  for (const Json& operation : value) {
    if (!operation.is_string()) return Bad("operations must be an array of strings");
    wish.operations += (wish.operations.empty() ? "" : ",") + operation.get<std::string>();
  }
  if (auth::UrlPermissions(wish.operations) == 0) {
    return Bad("operations are read, append, create, delete and list, each once");
  }
  return absl::OkStatus();
}

absl::StatusOr<auth::UrlWish> ParseWish(const std::string& body) {
  const Json json = ParseBoundedJson(body, kBodyBounds);
  if (!json.is_object()) return Bad("the body must be a JSON object");
  auth::UrlWish wish;
  for (const auto& [name, value] : json.items()) {
    absl::Status status;
    if (name == "path" || name == "pattern") {
      status = TakeTarget(value, name == "pattern", wish);
    } else if (name == "operations") {
      status = TakeOperations(value, wish);
    } else if (name == "expires_in_seconds") {
      constexpr int64_t kMax = 1'000'000'000;
      if (!value.is_number_integer() || value.get<int64_t>() < 1 || value.get<int64_t>() > kMax) {
        status = Bad("expires_in_seconds must be a whole number from 1 on");
      } else {
        wish.lifetime = absl::Seconds(value.get<int64_t>());
      }
    } else {
      // A restriction with a slip must not be taken for none.
      status = Bad("the body has a member that is not known");
    }
    if (!status.ok()) return status;
  }
  if (!NamesStreams(wish)) return Bad("one of path and pattern is needed, as a string");
  if (wish.operations.empty()) return Bad("operations are missing");
  return wish;
}

// What the request asks to be signed.
absl::StatusOr<auth::UrlWish> ReadWish(const RequestContext& context) {
  // Without authentication there is nobody to sign for.
  if (context.principal == nullptr) {
    return MakeError(ErrorCode::kStreamNotFound, "no such control API");
  }
  if (context.request().method() != "POST") return MakeError(ErrorCode::kMethodNotAllowed);
  return ParseWish(context.request().body);
}

}  // namespace

Task<int> Gateway::SignUrl(RequestContext& context) {
  const absl::StatusOr<auth::UrlWish> wish = ReadWish(context);
  absl::Status error = wish.status();
  if (error.ok()) error = co_await admission_.AdmitAll(context, *wish);
  if (!error.ok()) co_return co_await context.exchange.Respond(Problem(error, context));
  const absl::StatusOr<auth::Authenticator::SignedGrant> signed_grant =
      admission_.authenticator()->SignUrl(*context.principal, *wish);
  if (!signed_grant.ok()) {
    co_return co_await context.exchange.Respond(Problem(signed_grant.status(), context));
  }
  Json answer;
  answer["query"] = signed_grant->query;
  answer["expires_at"] =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", signed_grant->expires, absl::UTCTimeZone());
  if (wish->pattern.empty()) {
    answer["url"] =
        absl::StrCat(address_.OriginUrl(context.request()).value_or(""), options_.stream_root,
                     EscapePath(wish->path.text()), "?", signed_grant->query);
  }
  http::Response response = Begin(200, context);
  response.Add("Content-Type", "application/json");
  response.Add("Cache-Control", "no-store");
  response.body.emplace_back(answer.dump());
  co_return co_await context.exchange.Respond(std::move(response));
}

}  // namespace ds

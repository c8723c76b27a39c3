#include "gateway/protocol/subscription_json.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/base64url.h"
#include "base/bounded_json.h"
#include "nlohmann/json.hpp"
#include "storage/api/errors.h"

namespace ds {
namespace {

// What is answered keeps the order in which it is written. What is parsed does not: to find a
// member by its name must not take time for all others.
using Json = nlohmann::ordered_json;
using ParsedJson = nlohmann::json;

constexpr std::string_view kControlSegment = "__ds";
constexpr std::string_view kSubscriptions = "subscriptions/";
// The largest integer that every JSON implementation keeps.
constexpr uint64_t kMaxInteger = (uint64_t{1} << 53) - 1;

absl::Status Invalid(std::string_view why) {
  return MakeError(ErrorCode::kInvalidSubscription, why);
}

absl::StatusOr<ParsedJson> ParseObject(std::string_view body) {
  const JsonBounds bounds{.max_bytes = kMaxControlBodyBytes};
  if (!KeepsJsonBounds(body, bounds)) {
    return Invalid("the body may have 10,000 values, and 16 levels, at most");
  }
  ParsedJson json = ParseBoundedJson(body, bounds);
  if (json.is_discarded()) return Invalid("the body is not valid JSON");
  if (!json.is_object()) return Invalid("the body must be a JSON object");
  return json;
}

// Members that are absent or null keep what is there.
const ParsedJson* Member(const ParsedJson& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

absl::Status TakeString(const ParsedJson& object, const char* name, std::string& out) {
  const ParsedJson* const member = Member(object, name);
  if (member == nullptr) return absl::OkStatus();
  if (!member->is_string()) return Invalid(absl::StrCat(name, " must be a string"));
  out = member->get<std::string>();
  return absl::OkStatus();
}

absl::Status TakeInteger(const ParsedJson& object, const char* name, uint64_t& out) {
  const ParsedJson* const member = Member(object, name);
  if (member == nullptr) return absl::OkStatus();
  if (!member->is_number_unsigned() || member->get<uint64_t>() > kMaxInteger) {
    return Invalid(absl::StrCat(name, " must be a non-negative integer"));
  }
  out = member->get<uint64_t>();
  return absl::OkStatus();
}

absl::Status TakePath(std::string_view text, std::string_view what, StreamPath& out) {
  absl::StatusOr<StreamPath> path = StreamPath::ParseReference(text);
  if (!path.ok()) return Invalid(std::string(what) + ": " + std::string(path.status().message()));
  out = *std::move(path);
  return absl::OkStatus();
}

absl::Status TakePattern(const ParsedJson& object, PathPattern& out) {
  std::string text;
  const absl::Status status = TakeString(object, "pattern", text);
  if (!status.ok() || text.empty()) return status;
  absl::StatusOr<PathPattern> pattern = PathPattern::Parse(std::string(StripSlashes(text)));
  if (!pattern.ok()) return Invalid("pattern: " + std::string(pattern.status().message()));
  out = *std::move(pattern);
  return absl::OkStatus();
}

absl::Status TakePaths(const ParsedJson& object, const char* name, std::vector<StreamPath>& out) {
  const ParsedJson* const member = Member(object, name);
  if (member == nullptr) return absl::OkStatus();
  const bool strings =
      member->is_array() && std::all_of(member->begin(), member->end(),
                                        [](const ParsedJson& item) { return item.is_string(); });
  if (!strings) return Invalid(absl::StrCat(name, " must be an array of strings"));
  for (const ParsedJson& item : *member) {
    const absl::Status status = TakePath(item.get_ref<const std::string&>(),
                                         absl::StrCat("an entry of ", name), out.emplace_back());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status TakeWake(const ParsedJson& object, SubscriptionCall::WakeReference& out) {
  absl::Status status = TakeString(object, "wake_id", out.wake_id);
  if (status.ok()) status = TakeInteger(object, "generation", out.generation);
  if (!status.ok()) return status;
  if (out.wake_id.empty() || Member(object, "generation") == nullptr) {
    return Invalid("wake_id and generation are required");
  }
  return absl::OkStatus();
}

Json LinkJson(const SubscriptionLink& link) {
  Json json;
  json["path"] = link.path;
  json["link_type"] = link.is_explicit ? "explicit" : "glob";
  json["acked_offset"] = link.acked ? link.acked->ToString() : "-1";
  return json;
}

std::string ToText(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// "FENCED" of "fenced"; the name of an error in these APIs.
std::string ErrorName(ErrorCode code) {
  if (code == ErrorCode::kAckRejected) return "INVALID_OFFSET";
  std::string name(Describe(code).name);
  for (char& c : name) c = c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return name;
}

}  // namespace

bool IsControlPath(const StreamPath& path) { return path.is_reserved(); }

std::optional<ControlRoute> ParseControlPath(const StreamPath& control_path) {
  std::string_view path = control_path.text();
  path.remove_prefix(std::min(path.size(), kControlSegment.size() + 1));
  if (path == "jwks.json") return ControlRoute{};
  if (!path.starts_with(kSubscriptions)) return std::nullopt;
  path.remove_prefix(kSubscriptions.size());
  const size_t slash = path.find('/');
  ControlRoute route{.kind = ControlRoute::Kind::kSubscription,
                     .id = std::string(path.substr(0, slash))};
  if (route.id.empty()) return std::nullopt;
  if (slash == path.npos) return route;
  const std::string_view action = path.substr(slash + 1);
  constexpr std::string_view kStream = "streams/";
  if (action == "streams") {
    route.kind = ControlRoute::Kind::kStreams;
  } else if (action.starts_with(kStream) && action.size() > kStream.size()) {
    route.kind = ControlRoute::Kind::kStream;
    route.stream = std::string(action.substr(kStream.size()));
  } else if (action == "callback") {
    route.kind = ControlRoute::Kind::kCallback;
  } else if (action == "claim") {
    route.kind = ControlRoute::Kind::kClaim;
  } else if (action == "ack") {
    route.kind = ControlRoute::Kind::kAck;
  } else if (action == "release") {
    route.kind = ControlRoute::Kind::kRelease;
  } else {
    return std::nullopt;
  }
  return route;
}

uint64_t MaxControlBody(ControlRoute::Kind kind) {
  using Kind = ControlRoute::Kind;
  switch (kind) {
    case Kind::kSubscription:
    case Kind::kStreams:
    case Kind::kCallback:
    case Kind::kAck:
      return kMaxControlBodyBytes;
    case Kind::kSigningKeys:
    case Kind::kStream:
    case Kind::kClaim:
    case Kind::kRelease:
      break;
  }
  return 16 << 10;
}

absl::StatusOr<SubscriptionConfig> ParseSubscriptionBody(std::string_view body) {
  const absl::StatusOr<ParsedJson> json = ParseObject(body);
  if (!json.ok()) return json.status();
  SubscriptionConfig config;
  std::string type;
  std::string description;
  absl::Status status = TakeString(*json, "type", type);
  if (status.ok()) status = TakePattern(*json, config.pattern);
  if (status.ok()) status = TakePaths(*json, "streams", config.streams);
  if (status.ok()) status = TakeInteger(*json, "lease_ttl_ms", config.lease_ttl_ms);
  if (status.ok()) status = TakeString(*json, "description", description);
  if (!status.ok()) return status;
  if (Member(*json, "description") != nullptr) config.description = std::move(description);
  // What belongs to the other type is not looked at.
  if (type == "webhook") {
    const ParsedJson* const webhook = Member(*json, "webhook");
    if (webhook != nullptr && webhook->is_object()) {
      status = TakeString(*webhook, "url", config.webhook_url);
    }
    if (status.ok() && config.webhook_url.empty()) {
      status = Invalid("webhook subscriptions require webhook.url");
    }
  } else if (type == "pull-wake") {
    config.type = SubscriptionType::kPullWake;
    std::string wake_stream;
    status = TakeString(*json, "wake_stream", wake_stream);
    if (status.ok() && wake_stream.empty()) {
      status = Invalid("pull-wake subscriptions require wake_stream");
    }
    if (status.ok()) status = TakePath(wake_stream, "wake_stream", config.wake_stream);
  } else {
    status = Invalid("type must be \"webhook\" or \"pull-wake\"");
  }
  if (!status.ok()) return status;
  return config;
}

absl::StatusOr<StreamPath> ParseLinkedPath(std::string_view path) {
  StreamPath parsed;
  const absl::Status status = TakePath(path, "the path", parsed);
  if (!status.ok()) return status;
  return parsed;
}

absl::StatusOr<std::vector<StreamPath>> ParseStreamsBody(std::string_view body) {
  const absl::StatusOr<ParsedJson> json = ParseObject(body);
  if (!json.ok()) return json.status();
  std::vector<StreamPath> streams;
  const absl::Status status = TakePaths(*json, "streams", streams);
  if (!status.ok()) return status;
  if (streams.empty()) return Invalid("streams must be a non-empty array of strings");
  return streams;
}

absl::StatusOr<std::string> ParseClaimBody(std::string_view body) {
  const absl::StatusOr<ParsedJson> json = ParseObject(body);
  if (!json.ok()) return json.status();
  std::string worker;
  const absl::Status status = TakeString(*json, "worker", worker);
  if (!status.ok()) return status;
  if (worker.empty()) return Invalid("worker must be a non-empty string");
  return worker;
}

absl::StatusOr<SubscriptionCall::Ack> ParseAckBody(std::string_view body) {
  const absl::StatusOr<ParsedJson> json = ParseObject(body);
  if (!json.ok()) return json.status();
  SubscriptionCall::Ack ack;
  absl::Status status = TakeWake(*json, ack.wake);
  if (!status.ok()) return status;
  if (const ParsedJson* const done = Member(*json, "done")) {
    if (!done->is_boolean()) return Invalid("done must be true or false");
    ack.done = done->get<bool>();
  }
  const ParsedJson* const acks = Member(*json, "acks");
  if (acks == nullptr) return ack;
  if (!acks->is_array()) return Invalid("acks must be an array");
  for (const ParsedJson& item : *acks) {
    if (!item.is_object()) return Invalid("an entry of acks must be an object");
    SubscriptionCall::AckedStream acked;
    std::string path;
    status = TakeString(item, "path", path);
    if (status.ok()) status = TakeString(item, "stream", path);
    if (status.ok()) status = TakeString(item, "offset", acked.offset);
    if (status.ok() && (path.empty() || acked.offset.empty())) {
      status = Invalid("an entry of acks must have stream and offset");
    }
    if (status.ok()) status = TakePath(path, "an entry of acks", acked.path);
    if (!status.ok()) return status;
    ack.acks.push_back(std::move(acked));
  }
  return ack;
}

absl::StatusOr<SubscriptionCall::WakeReference> ParseReleaseBody(std::string_view body) {
  const absl::StatusOr<ParsedJson> json = ParseObject(body);
  if (!json.ok()) return json.status();
  SubscriptionCall::WakeReference wake;
  const absl::Status status = TakeWake(*json, wake);
  if (!status.ok()) return status;
  return wake;
}

std::string SubscriptionBody(const SubscriptionInfo& info) {
  const bool is_webhook = info.config.type == SubscriptionType::kWebhook;
  Json json;
  json["id"] = info.id;
  json["subscription_id"] = info.id;
  json["type"] = is_webhook ? "webhook" : "pull-wake";
  json["pattern"] = info.config.pattern.empty() ? Json(nullptr) : Json(info.config.pattern.text());
  json["streams"] = Json::array();
  for (const SubscriptionLink& link : info.links) json["streams"].push_back(LinkJson(link));
  if (is_webhook) {
    json["webhook"]["url"] = info.config.webhook_url;
    json["webhook"]["signing"]["alg"] = "ed25519";
    json["webhook"]["signing"]["kid"] = info.signing_key_id;
    json["webhook"]["signing"]["jwks_url"] = info.base_url + "__ds/jwks.json";
  }
  json["wake_stream"] = is_webhook ? Json(nullptr) : Json(info.config.wake_stream.text());
  json["lease_ttl_ms"] = info.config.lease_ttl_ms;
  json["created_at"] =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", info.created_at, absl::UTCTimeZone());
  json["status"] = info.failed ? "failed" : "active";
  if (info.config.description) json["description"] = *info.config.description;
  return ToText(json);
}

std::string ClaimBody(const SubscriptionAnswer& answer) {
  Json json;
  json["wake_id"] = answer.wake_id;
  json["generation"] = answer.generation;
  json["token"] = answer.token;
  json["streams"] = Json::array();
  for (const SubscriptionLink& link : answer.work) {
    Json work = LinkJson(link);
    work["tail_offset"] = link.tail.ToString();
    work["has_pending"] = link.pending;
    json["streams"].push_back(std::move(work));
  }
  json["lease_ttl_ms"] = answer.lease_ttl_ms;
  return ToText(json);
}

std::string AckBody(const SubscriptionAnswer& answer) {
  Json json;
  json["ok"] = true;
  json["next_wake"] = answer.next_wake;
  return ToText(json);
}

std::string SigningKeysBody(const std::vector<PublicKey>& keys) {
  Json json;
  json["keys"] = Json::array();
  for (const PublicKey& key : keys) {
    json["keys"].push_back({{"kty", "OKP"},
                            {"crv", "Ed25519"},
                            {"kid", key.id},
                            {"use", "sig"},
                            {"alg", "EdDSA"},
                            {"x", Base64Url(key.bytes)}});
  }
  return ToText(json);
}

std::string SubscriptionErrorBody(const SubscriptionAnswer& answer) {
  const ErrorCode code = GetErrorCode(answer.status);
  Json error;
  error["code"] = ErrorName(code);
  error["message"] = std::string(answer.status.message());
  if (code == ErrorCode::kAlreadyClaimed) {
    error["current_holder"] = answer.holder;
    error["generation"] = answer.generation;
  }
  Json json;
  json["error"] = std::move(error);
  return ToText(json);
}

}  // namespace ds

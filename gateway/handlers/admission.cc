#include "gateway/handlers/admission.h"

#include <memory>
#include <optional>
#include <utility>

#include "gateway/auth/signed_url.h"
#include "gateway/handlers/callback_result.h"
#include "gateway/limits/client_address.h"
#include "gateway/protocol/subscription_json.h"
#include "storage/api/errors.h"
#include "storage/api/types.h"

namespace ds {
namespace {

// What one request may have the external check asked beside itself.
constexpr size_t kMaxFurtherQuestions = 100;
// Before the name of a client that the external check has given.
constexpr std::string_view kExternalUser = "user:";

auth::Permission PermissionFor(const RequestContext& context) {
  switch (context.operation) {
    case HttpOperation::kCreate:
      return auth::Permission::kCreate;
    case HttpOperation::kAppend:
      return auth::Permission::kAppend;
    case HttpOperation::kDelete:
      return auth::Permission::kDelete;
    case HttpOperation::kSubscription:
      return auth::Permission::kSubscribe;
    default:
      return PermissionToRead(context.target.path);
  }
}

// Whether the request brings its right with it: the keys that verify webhooks are public, and a
// worker shows the token of its wake (section 7.3).
bool IsOpenToAll(const RequestContext& context) {
  if (context.operation != HttpOperation::kSubscription) return false;
  const std::optional<ControlRoute> route = ParseControlPath(context.target.path);
  if (!route) return false;
  using Kind = ControlRoute::Kind;
  return route->kind == Kind::kSigningKeys || route->kind == Kind::kCallback ||
         route->kind == Kind::kAck || route->kind == Kind::kRelease;
}

// The path that rules are asked about: of a subscription, its own whatever is done to it.
StreamPath RuledPath(const RequestContext& context) {
  if (context.operation == HttpOperation::kSubscription) {
    if (const std::optional<ControlRoute> route = ParseControlPath(context.target.path)) {
      return SubscriptionPath(route->id);
    }
  }
  return context.target.path;
}

std::string_view Why(HttpOperation operation, const Access& access) {
  if (operation == HttpOperation::kSignUrl) return "one may sign only for what one may do";
  if (!access.pattern.empty()) return "the pattern reaches streams that may not be read";
  if (access.permission == auth::Permission::kAppend)
    return "the wake stream may not be written to";
  return "a stream that the request names may not be read";
}

// The method of a request that does only this.
std::string_view MethodOf(auth::Permission permission) {
  switch (permission) {
    case auth::Permission::kAppend:
      return "POST";
    case auth::Permission::kCreate:
      return "PUT";
    case auth::Permission::kDelete:
      return "DELETE";
    default:
      return "GET";
  }
}

// "?offset=-1" of a target; empty without a query.
std::string_view QueryOf(std::string_view target) {
  target = target.substr(0, target.find('#'));
  const size_t mark = target.find('?');
  return mark == target.npos ? std::string_view() : target.substr(mark);
}

}  // namespace

Admission::Admission(const Parts& parts, Metrics& metrics)
    : parts_(parts),
      authentication_(parts.authenticator, parts.authentication),
      unauthenticated_(metrics.Counter("durable_streams_auth_refusals_total",
                                       "Requests that were refused for who they are from.",
                                       {{"reason", "unauthenticated"}})),
      forbidden_(metrics.Counter("durable_streams_auth_refusals_total",
                                 "Requests that were refused for who they are from.",
                                 {{"reason", "forbidden"}})),
      limited_requests_(metrics.Counter("durable_streams_rate_limited_total",
                                        "Requests that were refused for a client's limit.",
                                        {{"limit", "requests"}})),
      limited_bytes_(metrics.Counter("durable_streams_rate_limited_total",
                                     "Requests that were refused for a client's limit.",
                                     {{"limit", "bytes"}})),
      limited_readers_(metrics.Counter("durable_streams_rate_limited_total",
                                       "Requests that were refused for a client's limit.",
                                       {{"limit", "live_readers"}})),
      shed_(metrics.Counter("durable_streams_shed_requests_total",
                            "Requests that were refused because memory is short.")) {}

absl::Status Admission::Shed(const RequestContext& context) {
  if (parts_.memory == nullptr || !parts_.memory->sheds() ||
      context.operation == HttpOperation::kDelete) {
    return absl::OkStatus();
  }
  shed_.Increment();
  return MakeError(ErrorCode::kOverloaded, "the server is short of memory");
}

std::string Admission::ClientAddress(const RequestContext& context) const {
  if (!parts_.client_address_header.empty()) {
    // The last line is the nearest proxy's: what comes before it the client may have written.
    const http::Request& request = context.request();
    std::string_view line;
    for (size_t i = 0; i < request.header_count(); ++i) {
      const http::Request::Header header = request.header(i);
      if (http::EqualsIgnoringCase(header.name, parts_.client_address_header)) line = header.value;
    }
    if (std::optional<std::string> key = ClientAddressKey(LastListItem(line))) return *key;
  }
  const std::string peer = context.exchange.PeerAddress();
  return ClientAddressKey(peer).value_or(peer);
}

bool Admission::JudgeAgain(RequestContext& context) const {
  const uint64_t generation = parts_.authenticator->generation();
  const absl::StatusOr<auth::PrincipalPtr> principal = authentication_.IdentifyAgain(context);
  if (!principal.ok()) {
    // While the keys of a new configuration are being fetched nobody knows; then they will say.
    return GetErrorCode(principal.status()) == ErrorCode::kOverloaded;
  }
  if (!(*principal)->Allows(context.permission_judged, context.target.path)) return false;
  context.judged_generation = generation;
  return true;
}

Task<absl::Status> Admission::Admit(RequestContext& context) {
  if (authentication_.on() && !IsOpenToAll(context)) {
    if (parts_.authenticator != nullptr) {
      context.judged_generation = parts_.authenticator->generation();
    }
    const absl::Status identified = co_await authentication_.Identify(context);
    if (!identified.ok()) {
      const int status = Describe(GetErrorCode(identified)).http_status;
      if (status == 401) unauthenticated_.Increment();
      if (status == 403) forbidden_.Increment();
      co_return identified;
    }
    if (context.principal != nullptr) {
      const absl::Status authorized = Authorize(context, RuledPath(context));
      if (!authorized.ok()) co_return authorized;
    }
  }
  if (parts_.external != nullptr && !IsOpenToAll(context)) {
    const absl::Status answered = co_await AskExternal(context, nullptr);
    if (!answered.ok()) co_return answered;
  }
  if (parts_.authenticator != nullptr || parts_.external != nullptr) {
    context.judged = true;
    context.permission_judged = PermissionFor(context);
    if (context.operation == HttpOperation::kSubscription && !IsOpenToAll(context)) {
      context.admitted.push_back({auth::Permission::kSubscribe, RuledPath(context)});
    }
  }
  if (parts_.limiter != nullptr) {
    if (context.client.empty()) {
      context.client = "address:" + ClientAddress(context);
    } else if (context.principal != nullptr && context.principal->is_signed_url &&
               context.client == context.principal->name) {
      // One signer's URLs are in many hands; and more of them are not more for one hand.
      context.client += "@" + ClientAddress(context);
    }
    // The bytes of the body are charged when it has come.
    const RateLimiter::Decision decision =
        parts_.limiter->Take(context.client, 0, std::chrono::steady_clock::now());
    context.rate = decision;
    if (!decision.allowed) {
      (decision.by_bytes ? limited_bytes_ : limited_requests_).Increment();
      co_return MakeError(ErrorCode::kRateLimited,
                          decision.by_bytes ? "too many bytes" : "too many requests");
    }
  }
  co_return absl::OkStatus();
}

Task<absl::Status> Admission::AskExternal(RequestContext& context, const Access* access) {
  const http::Request& request = context.request();
  auth::ExternalCheck::Question question;
  question.host = std::string(request.authority());
  question.authorization = std::string(request.Find("authorization").value_or(""));
  question.cookie = std::string(request.Find("cookie").value_or(""));
  question.secure = request.secure;
  if (access == nullptr) {
    question.method = std::string(request.method());
    question.operation = std::string(OperationName(context.operation));
    question.path = EscapePath(context.target.path.text());
    question.uri = parts_.stream_root + question.path;
    question.uri += context.url_is_signed
                        ? WithoutParameter(QueryOf(request.target()), auth::kSignatureParameter)
                        : std::string(QueryOf(request.target()));
  } else {
    question.method = std::string(MethodOf(access->permission));
    question.operation = std::string(PermissionName(access->permission));
    question.is_pattern = !access->pattern.empty();
    question.path = EscapePath(question.is_pattern ? access->pattern.text() : access->path.text());
    question.uri = parts_.stream_root + question.path;
  }
  auto ask = [this, question = std::move(question)](
                 UniqueFunction<void(auth::ExternalCheck::Answer)> done) mutable {
    parts_.external->Ask(std::move(question), std::move(done));
  };
  CallbackAwaiter<auth::ExternalCheck::Answer> asked(context.exchange.io(), context.call.deadline,
                                                     std::move(ask));
  const std::optional<auth::ExternalCheck::Answer> answered = co_await asked;
  context.checked_externally = true;
  if (!answered) {
    co_return MakeError(ErrorCode::kDeadlineExceeded, "the external check took too long");
  }
  const auth::ExternalCheck::Answer& answer = *answered;
  if (!answer.status.ok()) {
    const ErrorCode code = GetErrorCode(answer.status);
    if (code == ErrorCode::kUnauthenticated) unauthenticated_.Increment();
    if (code == ErrorCode::kForbidden) forbidden_.Increment();
    if (!answer.challenge.empty()) context.challenges = {answer.challenge};
    co_return answer.status;
  }
  if (access == nullptr && !answer.principal.empty()) {
    context.client = std::string(kExternalUser) + answer.principal;
  }
  co_return absl::OkStatus();
}

Task<absl::Status> Admission::Judge(RequestContext& context, std::vector<Access> accesses) {
  std::erase_if(accesses, [&](const Access& access) {
    return access.pattern.empty() ? context.Admits(access.permission, access.path)
                                  : context.Admits(access.permission, access.pattern);
  });
  if (context.principal != nullptr) {
    const auth::Principal& principal = *context.principal;
    for (const Access& access : accesses) {
      const bool allowed = access.pattern.empty()
                               ? principal.Allows(access.permission, access.path)
                               : principal.AllowsPattern(access.permission, access.pattern);
      if (allowed) continue;
      forbidden_.Increment();
      co_return MakeError(ErrorCode::kForbidden, Why(context.operation, access));
    }
  }
  if (parts_.external != nullptr) {
    if (accesses.size() > kMaxFurtherQuestions) {
      co_return MakeError(ErrorCode::kForbidden,
                          "the external check is asked about 100 streams of one request at most");
    }
    for (const Access& access : accesses) {
      const absl::Status answered = co_await AskExternal(context, &access);
      if (!answered.ok()) co_return answered;
    }
  }
  for (Access& access : accesses) context.admitted.push_back(std::move(access));
  co_return absl::OkStatus();
}

absl::Status Admission::Authorize(RequestContext& context, const StreamPath& path) {
  const auth::Principal& principal = *context.principal;
  if (context.operation == HttpOperation::kSignUrl) {
    // What is signed for is judged once it is known: AdmitAll.
    if (!principal.anonymous) return absl::OkStatus();
  } else if (principal.Allows(PermissionFor(context), path)) {
    return absl::OkStatus();
  }
  if (principal.anonymous && context.request().Find("authorization") == std::nullopt) {
    // With credentials it may be another matter.
    unauthenticated_.Increment();
    authentication_.AddChallenges(context, /*refused=*/false);
    return MakeError(ErrorCode::kUnauthenticated, "a bearer token is required");
  }
  forbidden_.Increment();
  // Whether there is a stream must not be told from the answer. Where one may not create, none says
  // so, whether it is there or not.
  if (context.operation == HttpOperation::kCreate || principal.Sees(path)) {
    return MakeError(ErrorCode::kForbidden);
  }
  return MakeError(context.operation == HttpOperation::kSubscription
                       ? ErrorCode::kSubscriptionNotFound
                       : ErrorCode::kStreamNotFound);
}

BodyOwners Admission::OwnersOfBody(const RequestContext& context) const {
  BodyOwners owners;
  owners.address = ClientAddress(context);
  if (context.principal != nullptr && context.principal->is_signed_url) {
    // One signer's URLs are in many hands.
  } else if (context.principal != nullptr && !context.principal->anonymous) {
    owners.principal = context.principal->name;
  } else if (context.checked_externally && context.client.starts_with(kExternalUser)) {
    owners.principal = context.client;
  }
  return owners;
}

void Admission::ChargeBytes(const RequestContext& context, uint64_t bytes) {
  if (parts_.limiter == nullptr || context.client.empty() || bytes == 0) return;
  parts_.limiter->Charge(context.client, bytes, std::chrono::steady_clock::now());
}

Admission::LiveReader::LiveReader(Admission& admission, const RequestContext& context)
    : limiter_(admission.parts_.limiter), context_(context) {
  if (limiter_ == nullptr || limiter_->limits().live_readers == 0) {
    limiter_ = nullptr;
    return;
  }
  admitted_ = limiter_->AddReader(context.client);
  if (!admitted_) admission.limited_readers_.Increment();
}

Admission::LiveReader::~LiveReader() {
  if (limiter_ != nullptr && admitted_) limiter_->RemoveReader(context_.client);
}

}  // namespace ds

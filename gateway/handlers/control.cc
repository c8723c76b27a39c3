#include <algorithm>
#include <utility>

#include "gateway/auth/credential.h"
#include "gateway/handlers/gateway.h"
#include "gateway/protocol/subscription_json.h"
#include "storage/api/errors.h"
#include "storage/core/request_checks.h"

// The APIs below `__ds`: sections 6 and 7.

namespace ds {
namespace {

// The request that a body makes, or why it makes none.
struct Parsed {
  absl::Status status;
  SubscriptionCall call;
};

template <typename Body, typename Make>
void Take(absl::StatusOr<Body> body, Parsed& parsed, Make make) {
  parsed.status = body.status();
  if (body.ok()) parsed.call.operation = make(*std::move(body));
}

// HEAD is GET whose answer's body is left out on the way.
std::string_view MethodOf(const http::Request& request) {
  return request.method() == "HEAD" ? "GET" : request.method();
}

bool IsAllowed(ControlRoute::Kind kind, std::string_view method) {
  switch (kind) {
    case ControlRoute::Kind::kSigningKeys:
      return method == "GET";
    case ControlRoute::Kind::kSubscription:
      return method == "PUT" || method == "DELETE" || method == "GET";
    case ControlRoute::Kind::kStream:
      return method == "DELETE";
    default:
      return method == "POST";
  }
}

bool NeedsToken(ControlRoute::Kind kind) {
  return kind == ControlRoute::Kind::kCallback || kind == ControlRoute::Kind::kAck ||
         kind == ControlRoute::Kind::kRelease;
}

// What a body, on the right route and with the right method, asks for.
Parsed ParseControl(const http::Request& request, const ControlRoute& route,
                    const std::optional<std::string>& root_url, bool root_is_configured) {
  Parsed parsed;
  parsed.call.id = route.id;
  const std::string_view method = MethodOf(request);
  const std::string token(auth::BearerToken(request.Find("authorization")));
  switch (route.kind) {
    case ControlRoute::Kind::kSigningKeys:
      parsed.call.operation = SubscriptionCall::SigningKeys{};
      break;
    case ControlRoute::Kind::kSubscription:
      if (method == "PUT") {
        Take(ParseSubscriptionBody(request.body), parsed, [&](SubscriptionConfig config) {
          // Others are called by a webhook with it: a client's word is not enough.
          if (!root_url && config.type == SubscriptionType::kWebhook) {
            parsed.status = MakeError(ErrorCode::kPublicUrlUnknown,
                                      "webhooks need --public-url or --allowed-hosts here");
          }
          return SubscriptionCall::Put{std::move(config), root_url.value_or(""),
                                       root_is_configured};
        });
      } else if (method == "DELETE") {
        parsed.call.operation = SubscriptionCall::Delete{};
      } else {
        parsed.call.operation = SubscriptionCall::Get{};
      }
      break;
    case ControlRoute::Kind::kStreams:
      Take(ParseStreamsBody(request.body), parsed, [](std::vector<StreamPath> streams) {
        return SubscriptionCall::AddStreams{std::move(streams)};
      });
      break;
    case ControlRoute::Kind::kStream:
      Take(ParseLinkedPath(route.stream), parsed,
           [](StreamPath path) { return SubscriptionCall::RemoveStream{std::move(path)}; });
      break;
    case ControlRoute::Kind::kClaim:
      Take(ParseClaimBody(request.body), parsed,
           [](std::string worker) { return SubscriptionCall::Claim{std::move(worker)}; });
      break;
    case ControlRoute::Kind::kCallback:
    case ControlRoute::Kind::kAck:
      Take(ParseAckBody(request.body), parsed, [&](SubscriptionCall::Ack ack) {
        ack.type = route.kind == ControlRoute::Kind::kAck ? SubscriptionType::kPullWake
                                                          : SubscriptionType::kWebhook;
        ack.wake.token = token;
        return ack;
      });
      break;
    case ControlRoute::Kind::kRelease:
      Take(ParseReleaseBody(request.body), parsed, [&](SubscriptionCall::WakeReference wake) {
        wake.token = token;
        return SubscriptionCall::Release{std::move(wake)};
      });
      break;
  }
  if (parsed.status.ok()) parsed.status = CheckRequest(parsed.call);
  return parsed;
}

}  // namespace

absl::Status Gateway::CheckControlHead(const RequestContext& context) {
  const std::optional<ControlRoute> route = ParseControlPath(context.target.path);
  if (!route) return absl::OkStatus();
  const http::Request& request = context.request();
  if (!IsAllowed(route->kind, MethodOf(request))) return MakeError(ErrorCode::kMethodNotAllowed);
  if (NeedsToken(route->kind) && auth::BearerToken(request.Find("authorization")).empty()) {
    return MakeError(ErrorCode::kTokenInvalid, "a bearer token is required");
  }
  return absl::OkStatus();
}

http::Response Gateway::ControlAnswer(const ControlRoute& route, const SubscriptionAnswer& answer,
                                      const RequestContext& context) const {
  const http::Request& request = context.request();
  using Kind = ControlRoute::Kind;
  const auto json = [&](int status, std::string body) {
    http::Response response = Begin(status, context);
    response.Add("Content-Type", "application/json");
    response.Add("Cache-Control", "no-store");
    response.body.emplace_back(std::move(body));
    return response;
  };
  if (!answer.status.ok()) {
    http::Response response =
        json(Describe(GetErrorCode(answer.status)).http_status, SubscriptionErrorBody(answer));
    AddFailure(answer.status, context, response);
    return response;
  }
  switch (route.kind) {
    case Kind::kSigningKeys: {
      http::Response response = Begin(200, context);
      response.Add("Content-Type", "application/jwk-set+json");
      response.Add("Cache-Control", "public, max-age=300");
      response.body.emplace_back(SigningKeysBody(answer.keys));
      return response;
    }
    case Kind::kSubscription:
      if (request.method() == "DELETE") return Begin(204, context);
      return json(answer.created ? 201 : 200, SubscriptionBody(answer.info));
    case Kind::kClaim:
      return json(200, ClaimBody(answer));
    case Kind::kCallback:
    case Kind::kAck:
      return json(200, AckBody(answer));
    case Kind::kStreams:
    case Kind::kStream:
    case Kind::kRelease:
      return Begin(204, context);
  }
  return Begin(204, context);
}

Task<int> Gateway::Control(RequestContext& context) {
  const http::Request& request = context.request();
  const std::optional<ControlRoute> route = ParseControlPath(context.target.path);
  if (!route) {
    co_return co_await context.exchange.Respond(
        Problem(MakeError(ErrorCode::kStreamNotFound, "no such control API"), context));
  }
  Parsed parsed;
  parsed.status = CheckControlHead(context);
  if (parsed.status.ok()) {
    std::optional<std::string> root_url = address_.OriginUrl(request);
    if (root_url) root_url->append(options_.stream_root);
    parsed = ParseControl(request, *route, root_url, address_.is_configured());
  }
  if (parsed.status.ok()) parsed.status = co_await admission_.AdmitAll(context, parsed.call);
  SubscriptionAnswer answer;
  if (parsed.status.ok()) {
    answer = co_await store_.Call(context, &StreamStore::Subscriptions, std::move(parsed.call));
  } else {
    answer.status = std::move(parsed.status);
  }
  co_return co_await context.exchange.Respond(ControlAnswer(*route, answer, context));
}

}  // namespace ds

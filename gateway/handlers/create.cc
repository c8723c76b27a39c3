#include <utility>

#include "gateway/handlers/gateway.h"
#include "gateway/handlers/own_url.h"
#include "storage/api/errors.h"
#include "storage/core/request_checks.h"

// PUT: section 5.1, and 4.2 for forks.

namespace ds {
namespace {

// Section 4.2: the source is on this server.
absl::StatusOr<Field> SourcePath(const http::Request& request, std::string_view public_url) {
  const Field source = request.Find("stream-forked-from");
  if (!source) return source;
  const Field path = OwnPath(*source, {request.authority(), request.secure, public_url});
  if (path) return path;
  return MakeError(ErrorCode::kInvalidHeader, "Stream-Forked-From names another server");
}

absl::StatusOr<CreateRequest> ParseCreate(http::Request& request, const Target& target,
                                          const GatewayOptions& options) {
  CreateRequest create;
  create.path = target.path;
  if (const Field type = request.Find("content-type"); type && !type->empty()) {
    create.content_type = std::string(*type);
  }
  absl::StatusOr<Lifetime> lifetime =
      ParseLifetime(request.Find("stream-ttl"), request.Find("stream-expires-at"));
  if (!lifetime.ok()) return lifetime.status();
  create.lifetime = *std::move(lifetime);
  const absl::StatusOr<Field> source = SourcePath(request, options.address.url);
  if (!source.ok()) return source.status();
  absl::StatusOr<std::optional<ForkPoint>> fork =
      ParseFork(*source, request.Find("stream-fork-offset"), request.Find("stream-fork-sub-offset"),
                options.stream_root);
  if (!fork.ok()) return fork.status();
  create.fork = *std::move(fork);
  create.closed = IsStreamClosed(request.Find("stream-closed"));
  absl::Status checked = AsHeaderError(CheckRequest(create));
  if (!checked.ok()) return checked;
  create.body = std::move(request.body);
  return create;
}

}  // namespace

Task<int> Gateway::Create(RequestContext& context) {
  absl::StatusOr<CreateRequest> create = ParseCreate(context.request(), context.target, options_);
  CreateResult result;
  if (create.ok() && create->fork) {
    absl::Status admitted = co_await admission_.AdmitAll(context, *create);
    if (!admitted.ok()) {
      // What one may not see is not there.
      const bool hidden = GetErrorCode(admitted) == ErrorCode::kForbidden;
      create = hidden ? MakeError(ErrorCode::kSourceNotFound) : std::move(admitted);
    }
  }
  if (create.ok()) {
    create->condition = context.condition;
    result = co_await store_.Call(context, &StreamStore::Create, *std::move(create));
    result.status = AsHeaderError(result.status);
  } else {
    result.status = create.status();
  }
  if (!result.status.ok()) {
    co_return co_await context.exchange.Respond(
        WriteProblem(result.status, result.current, context));
  }
  http::Response response = Begin(result.created ? 201 : 200, context);
  if (result.created) {
    // Where the server does not know its own URL, the path alone (RFC 9110 section 10.2.2).
    response.Add("Location", address_.OriginUrl(context.request())
                                 .value_or("")
                                 .append(TargetPath(context.request().target())));
  }
  response.Add("Content-Type", result.content_type);
  AddNextOffset(result.tail, response);
  if (result.closed) response.Add("Stream-Closed", "true");
  co_return co_await context.exchange.Respond(std::move(response));
}

}  // namespace ds

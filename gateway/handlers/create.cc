#include <utility>

#include "gateway/handlers/gateway.h"
#include "storage/api/errors.h"
#include "storage/core/request_checks.h"

// PUT: section 5.1, and 4.2 for forks.

namespace ds {
namespace {

absl::StatusOr<CreateRequest> ParseCreate(http::Request& request, const Target& target,
                                          std::string_view root) {
  CreateRequest create;
  create.path = target.path;
  if (const Field type = request.Find("content-type"); type && !type->empty()) {
    create.content_type = std::string(*type);
  }
  absl::StatusOr<Lifetime> lifetime =
      ParseLifetime(request.Find("stream-ttl"), request.Find("stream-expires-at"));
  if (!lifetime.ok()) return lifetime.status();
  create.lifetime = *std::move(lifetime);
  absl::StatusOr<std::optional<ForkPoint>> fork =
      ParseFork(request.Find("stream-forked-from"), request.Find("stream-fork-offset"),
                request.Find("stream-fork-sub-offset"), root);
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
  absl::StatusOr<CreateRequest> create =
      ParseCreate(context.request(), context.target, options_.stream_root);
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
    create->context = context.call;
    result = co_await store_.Call(context, &StreamStore::Create, *std::move(create));
  } else {
    result.status = create.status();
  }
  if (!result.status.ok()) {
    co_return co_await context.exchange.Respond(
        WriteProblem(result.status, result.current, context));
  }
  http::Response response = Begin(result.created ? 201 : 200, context);
  if (result.created) {
    response.Add("Location",
                 OriginUrl(context.request()).append(TargetPath(context.request().target())));
  }
  response.Add("Content-Type", result.content_type);
  AddNextOffset(result.tail, response);
  if (result.closed) response.Add("Stream-Closed", "true");
  co_return co_await context.exchange.Respond(std::move(response));
}

}  // namespace ds

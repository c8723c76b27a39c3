#include "gateway/handlers/gateway.h"
#include "gateway/protocol/conditions.h"
#include "gateway/protocol/etag.h"
#include "storage/api/errors.h"

// Conditions of writes: RFC 9110 section 13. The store judges them, together with the write.

namespace ds {

absl::Status Gateway::TakeCondition(RequestContext& context) {
  const http::Request& request = context.request();
  switch (context.operation) {
    case HttpOperation::kCreate:
    case HttpOperation::kAppend:
    case HttpOperation::kDelete:
      break;
    case HttpOperation::kSubscription:
      // Subscriptions have no tags. To ignore a condition of a change would be to break it.
      if (request.method() == "GET" || request.method() == "HEAD") return absl::OkStatus();
      return MakeError(ErrorCode::kInvalidHeader, "subscriptions cannot be changed conditionally");
    default:
      return absl::OkStatus();
  }
  std::string joined_match;
  std::string joined_none_match;
  absl::StatusOr<ConditionPtr> condition = ParseWriteCondition(
      request.FindList("if-match", joined_match),
      request.FindList("if-none-match", joined_none_match), request.Find("if-unmodified-since"));
  if (!condition.ok()) return condition.status();
  context.condition = *std::move(condition);
  return absl::OkStatus();
}

http::Response Gateway::WriteProblem(const absl::Status& error,
                                     const std::optional<StreamVersion>& current,
                                     const RequestContext& context) const {
  if (GetErrorCode(error) != ErrorCode::kPreconditionFailed) return Problem(error, context);
  const bool by_date =
      context.request().Find("if-unmodified-since") && !context.request().Find("if-match");
  http::Response response = Problem(
      by_date ? MakeError(ErrorCode::kPreconditionFailed,
                          "If-Unmodified-Since cannot be judged, since it is not known when a "
                          "stream was modified; use If-Match")
              : error,
      context);
  if (current) {
    AddNextOffset(current->tail, response);
    response.Add("ETag", Etag(*current));
    if (current->closed) response.Add("Stream-Closed", "true");
  }
  return response;
}

}  // namespace ds

#include <utility>

#include "gateway/handlers/gateway.h"
#include "storage/api/errors.h"
#include "storage/core/request_checks.h"

// POST: sections 5.2, 5.2.1 and 5.3.

namespace ds {
namespace {

absl::StatusOr<AppendRequest> ParseAppend(http::Request& request, const Target& target) {
  AppendRequest append;
  append.path = target.path;
  append.close = IsStreamClosed(request.Find("stream-closed"));
  absl::StatusOr<std::optional<ProducerTag>> producer = ParseProducer(
      request.Find("producer-id"), request.Find("producer-epoch"), request.Find("producer-seq"));
  if (!producer.ok()) return producer.status();
  append.producer = *std::move(producer);
  if (const Field seq = request.Find("stream-seq")) {
    append.stream_seq = std::string(*seq);
  }
  absl::Status checked = AsHeaderError(CheckRequest(append));
  if (!checked.ok()) return checked;
  if (request.body.empty()) {
    if (!append.close) return MakeError(ErrorCode::kEmptyBody);
    return append;
  }
  const Field type = request.Find("content-type");
  if (!type || type->empty()) return MakeError(ErrorCode::kMissingContentType);
  append.content_type = std::string(*type);
  append.body = std::move(request.body);
  return append;
}

}  // namespace

Task<int> Gateway::Append(RequestContext& context) {
  absl::StatusOr<AppendRequest> append = ParseAppend(context.request(), context.target);
  AppendResult result;
  std::optional<uint64_t> received_seq;
  bool close_only = false;
  if (append.ok()) {
    append->condition = context.condition;
    if (append->producer) received_seq = append->producer->seq;
    close_only = append->body.empty();
    result = co_await store_.Call(context, &StreamStore::Append, *std::move(append));
  } else {
    result.status = append.status();
  }

  const bool ok = result.status.ok();
  const ErrorCode code = ok ? ErrorCode::kInternal : GetErrorCode(result.status);
  // 200 tells a producer that its data is new; everything else that went well is 204.
  const bool fresh = received_seq && !result.duplicate && !close_only;
  http::Response response =
      ok ? Begin(fresh ? 200 : 204, context) : WriteProblem(result.status, result.current, context);
  if (ok || code == ErrorCode::kStreamClosed) {
    AddNextOffset(result.tail, response);
    if (result.closed) response.Add("Stream-Closed", "true");
  }
  if (received_seq && (ok || code == ErrorCode::kProducerFenced)) {
    response.Add("Producer-Epoch", std::to_string(result.producer_epoch));
  }
  if (received_seq && ok) response.Add("Producer-Seq", std::to_string(result.producer_seq));
  if (received_seq && !ok && code == ErrorCode::kProducerSequenceGap) {
    response.Add("Producer-Expected-Seq", std::to_string(result.expected_seq));
    response.Add("Producer-Received-Seq", std::to_string(*received_seq));
  }
  co_return co_await context.exchange.Respond(std::move(response));
}

}  // namespace ds

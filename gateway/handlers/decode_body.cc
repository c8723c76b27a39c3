#include <coroutine>

#include "gateway/handlers/gateway.h"
#include "gateway/protocol/content_coding.h"
#include "storage/api/errors.h"

// Content-Encoding of requests (RFC 9110 section 8.4).

namespace ds {
namespace {

// Lets the thread turn to its other clients.
struct [[nodiscard]] Yield {
  http::IoThread& io;

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) const { io.Resume(coroutine); }
  void await_resume() const {}
};

bool HasBody(HttpOperation operation) {
  return operation == HttpOperation::kCreate || operation == HttpOperation::kAppend ||
         operation == HttpOperation::kSubscription || operation == HttpOperation::kSignUrl;
}

}  // namespace

Task<absl::Status> Gateway::DecodeBody(RequestContext& context) {
  // Of nothing there is nothing to decode: libraries set the header whatever they send.
  std::string& body = context.request().body;
  if (body.empty() || !HasBody(context.operation)) co_return absl::OkStatus();
  std::string joined;
  const absl::StatusOr<ContentCoding> coding =
      ParseContentEncoding(context.request().FindList("content-encoding", joined).value_or(""));
  if (!coding.ok()) co_return coding.status();
  if (*coding == ContentCoding::kIdentity) co_return absl::OkStatus();
  const auto owners = [&] { return admission_.OwnersOfBody(context); };
  BodyDecoder decoder(*coding, body, context.max_body);
  while (true) {
    const absl::Status status = decoder.Step();
    if (!status.ok()) co_return status;
    const absl::Status reserved =
        context.exchange.ReserveBody(body.size() + decoder.decoded_size(), owners);
    if (!reserved.ok()) co_return reserved;
    if (decoder.done()) break;
    if (context.exchange.gone()) co_return MakeError(ErrorCode::kBadRequest);
    const Yield yield{context.exchange.io()};
    co_await yield;
  }
  if (decoder.decoded_size() > body.size()) {
    admission_.ChargeBytes(context, decoder.decoded_size() - body.size());
  }
  body = decoder.TakeDecoded();
  co_return absl::OkStatus();
}

}  // namespace ds

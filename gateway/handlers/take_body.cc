#include <algorithm>

#include "gateway/handlers/gateway.h"
#include "storage/api/errors.h"

// When a request's body is read, and how much of it: after it was found out who the request is from
// and that they may make it, and as much as its kind has use for.

namespace ds {
namespace {

// Of requests whose body means nothing.
constexpr uint64_t kMaxIdleBody = 64 << 10;

constexpr uint64_t kMaxSignUrlBody = 16 << 10;

uint64_t MaxBody(const RequestContext& context) {
  switch (context.operation) {
    case HttpOperation::kCreate:
    case HttpOperation::kAppend:
      return context.exchange.MaxBody();
    case HttpOperation::kSubscription: {
      const std::optional<ControlRoute> route = ParseControlPath(context.target.path);
      return route ? std::min(MaxControlBody(route->kind), context.exchange.MaxBody())
                   : kMaxIdleBody;
    }
    case HttpOperation::kSignUrl:
      return kMaxSignUrlBody;
    default:
      return kMaxIdleBody;
  }
}

}  // namespace

Task<absl::Status> Gateway::TakeBody(RequestContext& context) {
  // Whether a control API is asked in the right way shows without its body; Control says so.
  if (context.operation == HttpOperation::kSubscription && !CheckControlHead(context).ok()) {
    co_return absl::OkStatus();
  }
  context.max_body = MaxBody(context);
  const auto owners = [&] { return admission_.OwnersOfBody(context); };
  http::Exchange::BodyReading reading = context.exchange.ReadBody(context.max_body, owners);
  const absl::Status status = co_await reading;
  const uint64_t size = context.request().body.size();
  probe_.NoteReceived(size);
  admission_.ChargeBytes(context, size);
  co_return status;
}

}  // namespace ds

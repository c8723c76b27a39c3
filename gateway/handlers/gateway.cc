#include "gateway/handlers/gateway.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/limited_log.h"
#include "gateway/auth/signed_url.h"
#include "gateway/handlers/field_rules.h"
#include "gateway/protocol/content_coding.h"
#include "gateway/protocol/encoding.h"
#include "gateway/protocol/methods.h"
#include "gateway/protocol/subscription_json.h"
#include "spdlog/spdlog.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

constexpr int kRetryAfterSeconds = 1;
// Room for what an answer says beside the headers that all have.
constexpr size_t kOwnHeaderBytes = 384;

}  // namespace

Gateway::Gateway(const GatewayOptions& options, StreamStore& store, LiveFeeds& feeds,
                 Admission& admission, Clock& clock, Metrics& metrics)
    : options_(options),
      store_(store),
      feeds_(feeds),
      admission_(admission),
      clock_(clock),
      keepalive_(options.sse_keepalive),
      probe_(metrics),
      cors_(options.cors),
      address_(options.address, admission.authenticates()) {
  http::Response common;
  common.Add("X-Content-Type-Options", "nosniff");
  common.Add("Cross-Origin-Resource-Policy", "cross-origin");
  common.headers += cors_.common_lines();
  static_headers_ = std::move(common.headers);
}

Task<int> Gateway::Handle(http::Exchange& exchange) {
  RequestContext context(exchange);
  TakeTrace(context);
  absl::Status error = Identify(context);
  const FieldCheck fields = CheckFields(context.request());
  if (error.ok()) error = fields.status;
  // A preflight that is refused hides from the page why: it is cheap, and the request itself comes.
  const bool admits = context.operation != HttpOperation::kOptions;
  if (error.ok() && admits) error = admission_.Shed(context);
  if (error.ok() && admits && admission_.guards()) error = co_await admission_.Admit(context);
  if (error.ok()) error = co_await TakeBody(context);
  if (error.ok() && fields.has_content_encoding) error = co_await DecodeBody(context);
  if (error.ok() && fields.has_condition) error = TakeCondition(context);
  int status = 0;
  if (exchange.gone()) {
    // Nobody is there to be answered.
  } else if (!error.ok()) {
    status = co_await exchange.Respond(Problem(error, context));
  } else if (context.operation == HttpOperation::kRead) {
    std::unique_ptr<LiveRead> live;
    status = co_await Read(context, live);
    if (context.operation == HttpOperation::kLongPoll && live != nullptr) {
      status = co_await LongPoll(context, std::move(live));
    } else if (live != nullptr) {
      status = co_await Sse(context, std::move(live));
    }
  } else {
    status = co_await Dispatch(context);
  }
  NoteAnswered(context, status);
  co_return status;
}

void Gateway::TakeTrace(RequestContext& context) const {
  CallContext& call = context.call;
  const std::optional<std::string_view> header = context.request().Find("traceparent");
  const std::optional<TraceContext> parent = header ? ParseTraceparent(*header) : std::nullopt;
  call.trace = parent ? NewSpan(*parent) : NewTrace();
  if (header && !parent) {
    spdlog::debug("trace={} a malformed traceparent is ignored", call.trace.trace_id());
  }
  call.deadline = CallDeadline();
}

SteadyTime Gateway::CallDeadline() const {
  if (options_.request_timeout <= absl::ZeroDuration()) return CallContext::kNoDeadline;
  return std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(options_.request_timeout);
}

absl::Status Gateway::Identify(RequestContext& context) const {
  const http::Request& request = context.request();
  if (!IsKnownMethod(request.method())) return MakeError(ErrorCode::kNotImplemented);
  if (!address_.Serves(request)) return MakeError(ErrorCode::kMisdirectedRequest);
  const absl::Status error = ParseTarget(request.target(), options_.stream_root, context.target);
  if (request.method() == "OPTIONS") {
    context.operation = HttpOperation::kOptions;
    if (!error.ok()) context.target = Target();
    return absl::OkStatus();
  }
  if (!error.ok()) return error;
  context.url_is_signed = auth::IsSigned(context.target.query);
  if (IsControlPath(context.target.path)) {
    context.operation = context.target.path == kSignUrlPath ? HttpOperation::kSignUrl
                                                            : HttpOperation::kSubscription;
  } else if (request.method() == "GET") {
    context.operation = HttpOperation::kRead;
  } else if (request.method() == "POST") {
    context.operation = HttpOperation::kAppend;
  } else if (request.method() == "PUT") {
    context.operation = HttpOperation::kCreate;
  } else if (request.method() == "HEAD") {
    context.operation = HttpOperation::kHead;
  } else if (request.method() == "DELETE") {
    context.operation = HttpOperation::kDelete;
  } else {
    return MakeError(ErrorCode::kMethodNotAllowed);
  }
  return absl::OkStatus();
}

Task<int> Gateway::Dispatch(RequestContext& context) {
  switch (context.operation) {
    case HttpOperation::kCreate:
      return Create(context);
    case HttpOperation::kAppend:
      return Append(context);
    case HttpOperation::kHead:
      return Head(context);
    case HttpOperation::kDelete:
      return Delete(context);
    case HttpOperation::kSubscription:
      return Control(context);
    case HttpOperation::kSignUrl:
      return SignUrl(context);
    default:
      return Options(context);
  }
}

Task<int> Gateway::Options(RequestContext& context) {
  co_return co_await context.exchange.Respond(Preflight(context));
}

void Gateway::NoteAnswered(const RequestContext& context, int status) {
  const auto took = std::chrono::steady_clock::now() - context.begin;
  probe_.NoteAnswered(context.operation, status, took);
  if (!options_.access_log) return;
  // The query may hold what a client considers private; the path is what an operator looks for.
  spdlog::info("access trace={} span={:016x} operation={} path={} status={} client={} ms={:.3f}",
               context.call.trace.trace_id(), context.call.trace.span,
               OperationName(context.operation), context.target.path.text(), status,
               context.client.empty() ? "-" : context.client,
               std::chrono::duration<double, std::milli>(took).count());
}

http::Response Gateway::Refuse(http::Exchange& exchange, const absl::Status& error) {
  RequestContext context(exchange);
  TakeTrace(context);
  http::Response response = Problem(error, context);
  NoteAnswered(context, response.status);
  return response;
}

http::Response Gateway::Begin(int status, const RequestContext& context) const {
  http::Response response{.status = status};
  response.headers.reserve(static_headers_.size() + kOwnHeaderBytes);
  response.headers = static_headers_;
  cors_.AddTo(context.request(), response);
  // What an answer links to must not learn the URL that it came by.
  if (context.url_is_signed) response.Add("Referrer-Policy", "no-referrer");
  if (context.rate) AddRateLimit(context, response);
  return response;
}

// The fields of draft-ietf-httpapi-ratelimit-headers.
void Gateway::AddRateLimit(const RequestContext& context, http::Response& response) const {
  const RateLimits& limits = admission_.limiter()->limits();
  if (limits.requests_per_second <= 0) return;
  const double burst = limits.request_burst > 0 ? limits.request_burst : limits.requests_per_second;
  const auto window =
      std::max<int64_t>(1, static_cast<int64_t>(std::ceil(burst / limits.requests_per_second)));
  response.Add("RateLimit-Policy",
               absl::StrCat("\"requests\";q=", static_cast<uint64_t>(burst), ";w=", window));
  const absl::Duration reset = absl::Ceil(context.rate->reset, absl::Seconds(1));
  response.Add("RateLimit", absl::StrCat("\"requests\";r=", context.rate->remaining,
                                         ";t=", absl::ToInt64Seconds(reset)));
}

http::SteadyTime Gateway::LiveDeadline(const RequestContext& context,
                                       absl::Duration longest) const {
  if (context.principal != nullptr) {
    longest = std::clamp(context.principal->expires - clock_.Wall(), absl::ZeroDuration(), longest);
  }
  return std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(longest);
}

http::Response Gateway::Preflight(const RequestContext& context) const {
  http::Response response = Begin(204, context);
  response.Add("Allow", AllowedMethods(context.target.path));
  cors_.AddPreflight(context.request(), response);
  return response;
}

http::Response Gateway::Problem(const absl::Status& error, const RequestContext& context) const {
  const ErrorInfo& info = Describe(GetErrorCode(error));
  http::Response response = Begin(info.http_status, context);
  response.Add("Content-Type", "application/problem+json");
  response.Add("Cache-Control", "no-store");
  AddFailure(error, context, response);
  response.body.emplace_back(ProblemJson(error));
  return response;
}

void Gateway::AddFailure(const absl::Status& error, const RequestContext& context,
                         http::Response& response) {
  const ErrorInfo& info = Describe(GetErrorCode(error));
  if (info.http_status == 401) {
    for (const std::string& challenge : context.challenges) {
      response.Add("WWW-Authenticate", challenge);
    }
    if (context.challenges.empty()) response.Add("WWW-Authenticate", "Bearer");
  }
  if (info.http_status == 429 && context.rate) {
    const absl::Duration wait =
        context.rate->allowed ? absl::Seconds(1) : context.rate->retry_after;
    response.Add("Retry-After",
                 std::to_string(absl::ToInt64Seconds(absl::Ceil(wait, absl::Seconds(1)))));
  }
  if (info.http_status == 405) response.Add("Allow", AllowedMethods(context.target.path));
  if (info.http_status == 415) response.Add("Accept-Encoding", kAcceptedCodings);
  // 501 is the client's mistake.
  if (info.http_status < 500 || info.http_status == 501) return;
  const std::string id = context.call.trace.trace_id();
  response.Add("X-Request-Id", id);
  if (info.http_status == 503) response.Add("Retry-After", std::to_string(kRetryAfterSeconds));
  // What is damaged or wrong must be seen, however many are refused because of a full server.
  static LogLimit failures;
  static LogLimit refusals;
  const bool failed = info.http_status == 500;
  LogLimited(failed ? failures : refusals, failed ? spdlog::level::err : spdlog::level::warn,
             "trace={} method={} status={} code={}: {}", id, context.request().method(),
             info.http_status, info.name, std::string(error.message()));
}

void Gateway::AddNextOffset(const Offset& next, http::Response& response) {
  char text[Offset::kTextSize];
  next.WriteTo(text);
  response.Add("Stream-Next-Offset", std::string_view(text, sizeof text));
}

void Gateway::AddDocumentPolicy(http::Response& response) {
  response.Add("Content-Security-Policy", "sandbox; default-src 'none'");
}

void Gateway::AddReadHeaders(const ReadResult& read, http::Response& response) const {
  AddDocumentPolicy(response);
  AddNextOffset(read.next, response);
  if (read.up_to_date) response.Add("Stream-Up-To-Date", "true");
  if (read.at_end()) response.Add("Stream-Closed", "true");
}

bool Gateway::NeedsOwnCursor(const ReadQuery& query) const {
  if (!query.cursor) return false;
  const absl::Time now = clock_.Wall();
  return ResponseCursor(options_.cursors, now, query.cursor) !=
         ResponseCursor(options_.cursors, now, std::nullopt);
}

uint64_t Gateway::NextCursor(const ReadQuery& query) const {
  return ResponseCursor(options_.cursors, clock_.Wall(), query.cursor);
}

Task<absl::Status> Gateway::ReadOn(RequestContext& context, uint64_t max_bytes, LiveRead& live) {
  ReadRequest ask{context.target.path, ReadRequest::From::kOffset, live.read.next, max_bytes};
  // The request itself has been answered, or waits by right.
  context.call.deadline = CallDeadline();
  ReadResult read = co_await store_.Call(context, &StreamStore::Read, std::move(ask));
  absl::Status status = read.status;
  if (status.ok()) live.read = std::move(read);
  co_return status;
}

void Gateway::Renew(RequestContext& context, Feed& feed, const StreamInfo& info) const {
  if (!info.lifetime.ttl_seconds) return;
  const auto interval = std::chrono::milliseconds(
      std::min<uint64_t>(*info.lifetime.ttl_seconds, 1u << 20) * 1000 / 4);
  if (!feed.TakeRenewal(std::chrono::steady_clock::now(), interval)) return;
  context.call.deadline = CallDeadline();
  store_.Renew(context);
}

http::SteadyTime Gateway::NextWake(const StreamInfo& info, http::SteadyTime deadline) const {
  if (!info.lifetime.ttl_seconds) return deadline;
  const auto interval = std::chrono::milliseconds(
      std::max<uint64_t>(250, std::min<uint64_t>(*info.lifetime.ttl_seconds, 1u << 20) * 1000 / 3));
  return std::min(deadline, std::chrono::steady_clock::now() + interval);
}

}  // namespace ds

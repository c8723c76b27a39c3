#include "storage/api/errors.h"

#include "absl/strings/cord.h"

namespace ds {
namespace {

constexpr char kPayloadUrl[] = "durable-streams/code";

using C = absl::StatusCode;
using W = WriteOutcome;
using E = ErrorCode;

const std::vector<ErrorInfo>& Table() {
  static const auto* const table = new std::vector<ErrorInfo>{
      {E::kInternal, "internal", "The server failed", 500, C::kInternal, W::kMayHaveBeenApplied},
      {E::kBadRequest, "bad-request", "The request is malformed", 400, C::kInvalidArgument,
       W::kNotApplied},
      {E::kInvalidOffset, "invalid-offset", "The offset is not valid for this stream", 400,
       C::kInvalidArgument, W::kNotApplied},
      {E::kInvalidHeader, "invalid-header", "A header has an invalid value", 400,
       C::kInvalidArgument, W::kNotApplied},
      {E::kInvalidQuery, "invalid-query", "A query parameter has an invalid value", 400,
       C::kInvalidArgument, W::kNotApplied},
      {E::kInvalidPath, "invalid-path", "The stream path is not acceptable", 400,
       C::kInvalidArgument, W::kNotApplied},
      {E::kInvalidJson, "invalid-json", "The body is not valid JSON", 400, C::kInvalidArgument,
       W::kNotApplied},
      {E::kEmptyBody, "empty-body", "The body is empty", 400, C::kInvalidArgument, W::kNotApplied},
      {E::kMissingContentType, "missing-content-type", "Content-Type is required with a body", 400,
       C::kInvalidArgument, W::kNotApplied},
      {E::kProducerEpochSeq, "producer-epoch-seq", "A new producer epoch starts at sequence 0", 400,
       C::kInvalidArgument, W::kNotApplied},
      {E::kMethodNotAllowed, "method-not-allowed", "The method is not supported here", 405,
       C::kUnimplemented, W::kNotApplied},
      {E::kNotImplemented, "not-implemented", "The method is not known", 501, C::kUnimplemented,
       W::kNotApplied},
      {E::kNotAcceptable, "not-acceptable", "No acceptable content coding is available", 406,
       C::kInvalidArgument, W::kNotApplied},
      {E::kRequestTimeout, "request-timeout", "The request took too long to arrive", 408,
       C::kDeadlineExceeded, W::kNotApplied},
      {E::kPayloadTooLarge, "payload-too-large", "The body is larger than the server accepts", 413,
       C::kOutOfRange, W::kNotApplied},
      {E::kUriTooLong, "uri-too-long", "The request target is too long", 414, C::kOutOfRange,
       W::kNotApplied},
      {E::kHeadersTooLarge, "headers-too-large", "The request headers are too large", 431,
       C::kOutOfRange, W::kNotApplied},
      {E::kLengthRequired, "length-required", "The body needs a length", 411, C::kInvalidArgument,
       W::kNotApplied},
      {E::kExpectationFailed, "expectation-failed", "The Expect header is not supported", 417,
       C::kInvalidArgument, W::kNotApplied},
      {E::kUnsupportedEncoding, "unsupported-encoding", "The Content-Encoding is not supported",
       415, C::kInvalidArgument, W::kNotApplied},
      {E::kStreamNotFound, "stream-not-found", "There is no such stream", 404, C::kNotFound,
       W::kNotApplied},
      {E::kSourceNotFound, "source-not-found", "The stream to fork from does not exist", 404,
       C::kNotFound, W::kNotApplied},
      {E::kStreamGone, "stream-gone", "The stream was deleted", 410, C::kNotFound, W::kNotApplied},
      {E::kOffsetGone, "offset-gone", "The offset belongs to data that is gone", 410, C::kNotFound,
       W::kNotApplied},
      {E::kStreamExists, "stream-exists", "The stream exists with another configuration", 409,
       C::kAlreadyExists, W::kNotApplied},
      {E::kSourceGone, "source-gone", "The stream to fork from was deleted", 409,
       C::kFailedPrecondition, W::kNotApplied},
      {E::kStreamClosed, "stream-closed", "The stream is closed", 409, C::kFailedPrecondition,
       W::kNotApplied},
      {E::kContentTypeMismatch, "content-type-mismatch",
       "The content type differs from the stream's", 409, C::kFailedPrecondition, W::kNotApplied},
      {E::kSequenceRegression, "sequence-regression", "Stream-Seq does not increase", 409,
       C::kFailedPrecondition, W::kNotApplied},
      {E::kProducerSequenceGap, "producer-sequence-gap", "An earlier producer sequence is missing",
       409, C::kFailedPrecondition, W::kNotApplied},
      {E::kProducerFenced, "producer-fenced", "A newer producer epoch exists", 403,
       C::kPermissionDenied, W::kNotApplied},
      {E::kPreconditionFailed, "precondition-failed", "A condition of the request does not hold",
       412, C::kFailedPrecondition, W::kNotApplied},
      {E::kUnauthenticated, "unauthenticated", "The credentials are missing or not valid", 401,
       C::kUnauthenticated, W::kNotApplied},
      {E::kUrlExpired, "url-expired", "The signed URL has expired", 401, C::kUnauthenticated,
       W::kNotApplied},
      {E::kUrlSignatureInvalid, "url-signature-invalid", "The URL's signature is not good", 401,
       C::kUnauthenticated, W::kNotApplied},
      {E::kForbidden, "forbidden", "The credentials do not allow this", 403, C::kPermissionDenied,
       W::kNotApplied},
      {E::kCrossSiteRequest, "cross-site-request", "A page of another site made this request", 403,
       C::kPermissionDenied, W::kNotApplied},
      {E::kMisdirectedRequest, "misdirected-request", "The server does not answer for this host",
       421, C::kInvalidArgument, W::kNotApplied},
      {E::kPublicUrlUnknown, "public-url-unknown", "The server does not know its own URL", 403,
       C::kFailedPrecondition, W::kNotApplied},
      {E::kRateLimited, "rate-limited", "A limit of the client is used up", 429,
       C::kResourceExhausted, W::kNotApplied},
      {E::kInvalidSubscription, "invalid-request", "The subscription request is not valid", 400,
       C::kInvalidArgument, W::kNotApplied},
      {E::kWebhookUrlRejected, "webhook-url-rejected", "Webhooks may not go to this URL", 400,
       C::kInvalidArgument, W::kNotApplied},
      {E::kSubscriptionNotFound, "subscription-not-found", "There is no such subscription", 404,
       C::kNotFound, W::kNotApplied},
      {E::kSubscriptionExists, "subscription-already-exists",
       "The subscription exists with another configuration", 409, C::kAlreadyExists,
       W::kNotApplied},
      {E::kTokenInvalid, "token-invalid", "The token is missing or not valid here", 401,
       C::kUnauthenticated, W::kNotApplied},
      {E::kTokenExpired, "token-expired", "The token has expired", 401, C::kUnauthenticated,
       W::kNotApplied},
      {E::kFenced, "fenced", "The wake is over", 409, C::kFailedPrecondition, W::kNotApplied},
      {E::kAlreadyClaimed, "already-claimed", "Another worker holds the subscription", 409,
       C::kFailedPrecondition, W::kNotApplied},
      {E::kNoPendingWork, "no-pending-work", "The subscription has no pending work", 409,
       C::kFailedPrecondition, W::kNotApplied},
      {E::kAckRejected, "ack-rejected", "An acknowledged offset is not acceptable", 409,
       C::kFailedPrecondition, W::kNotApplied},
      {E::kOverloaded, "overloaded", "The server is overloaded", 503, C::kUnavailable,
       W::kNotApplied},
      {E::kStorageUnavailable, "storage-unavailable", "The storage cannot be reached", 503,
       C::kUnavailable, W::kNotApplied},
      {E::kStorageFull, "storage-full", "The storage has no space left", 507, C::kResourceExhausted,
       W::kNotApplied},
      {E::kWriteUncertain, "write-uncertain", "The write failed and may have been applied", 503,
       C::kUnavailable, W::kMayHaveBeenApplied},
      {E::kDeadlineExceeded, "deadline-exceeded", "The request's time was up", 503,
       C::kDeadlineExceeded, W::kNotApplied},
      {E::kQuotaExceeded, "quota-exceeded", "There is as much of this as the server keeps", 403,
       C::kResourceExhausted, W::kNotApplied},
      {E::kShuttingDown, "shutting-down", "The server is shutting down", 503, C::kUnavailable,
       W::kNotApplied},
  };
  return *table;
}

}  // namespace

const std::vector<ErrorInfo>& AllErrors() { return Table(); }

const ErrorInfo& Describe(ErrorCode code) {
  for (const ErrorInfo& info : Table()) {
    if (info.code == code) return info;
  }
  return Table().front();
}

absl::Status MakeError(ErrorCode code, std::string_view detail) {
  const ErrorInfo& info = Describe(code);
  const std::string_view message = detail.empty() ? info.title : detail;
  // Debian's Abseil has a string_view of its own.
  absl::Status status(info.status_code, absl::string_view(message.data(), message.size()));
  status.SetPayload(kPayloadUrl, absl::Cord(absl::string_view(info.name.data(), info.name.size())));
  return status;
}

ErrorCode GetErrorCode(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayloadUrl);
  if (!payload) return ErrorCode::kInternal;
  return ErrorCodeFromName(std::string(*payload)).value_or(ErrorCode::kInternal);
}

std::optional<ErrorCode> ErrorCodeFromName(std::string_view name) {
  for (const ErrorInfo& info : Table()) {
    if (info.name == name) return info.code;
  }
  return std::nullopt;
}

}  // namespace ds

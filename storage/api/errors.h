#ifndef STORAGE_API_ERRORS_H_
#define STORAGE_API_ERRORS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace ds {

// Every reason for which the server refuses a request. The names that users see stand in the table
// behind `Describe` and in docs/errors.md; a test keeps the two equal.
enum class ErrorCode {
  kInternal,
  // The client's mistakes.
  kBadRequest,
  kInvalidOffset,
  kInvalidHeader,
  kInvalidQuery,
  kInvalidPath,
  kInvalidJson,
  kEmptyBody,
  kMissingContentType,
  kProducerEpochSeq,
  kMethodNotAllowed,
  kNotImplemented,
  kNotAcceptable,
  kRequestTimeout,
  kPayloadTooLarge,
  kUriTooLong,
  kHeadersTooLarge,
  kLengthRequired,
  kExpectationFailed,
  kUnsupportedEncoding,
  // The state of the stream.
  kStreamNotFound,
  kSourceNotFound,
  kStreamGone,
  kOffsetGone,
  kStreamExists,
  kSourceGone,
  kStreamClosed,
  kContentTypeMismatch,
  kSequenceRegression,
  kProducerSequenceGap,
  kProducerFenced,
  kPreconditionFailed,
  // Who asks, and how much.
  kUnauthenticated,
  kUrlExpired,
  kUrlSignatureInvalid,
  kForbidden,
  kCrossSiteRequest,
  kMisdirectedRequest,
  kPublicUrlUnknown,
  kRateLimited,
  // Subscriptions.
  kInvalidSubscription,
  kWebhookUrlRejected,
  kSubscriptionNotFound,
  kSubscriptionExists,
  kTokenInvalid,
  kTokenExpired,
  kFenced,
  kAlreadyClaimed,
  kNoPendingWork,
  kAckRejected,
  // The state of the server.
  kOverloaded,
  kStorageUnavailable,
  kStorageFull,
  kWriteUncertain,
  kDeadlineExceeded,
  kQuotaExceeded,
  kShuttingDown,
};

// What is known about a refused write.
enum class WriteOutcome {
  kNotApplied,
  kApplied,
  // The write may be there. Repeating it is safe only with the producer headers (section 5.2.1).
  kMayHaveBeenApplied,
};

struct ErrorInfo {
  ErrorCode code;
  std::string_view name;   // the stable `code` of a problem+json body and of gRPC error details
  std::string_view title;  // one short sentence, the same for every occurrence
  int http_status;
  absl::StatusCode status_code;  // absl's codes are gRPC's
  WriteOutcome outcome;
};

// The one table from reasons to HTTP and gRPC statuses.
const ErrorInfo& Describe(ErrorCode code);
const std::vector<ErrorInfo>& AllErrors();

// A status that carries `code` beside its canonical code; `detail` is for people and may be empty.
absl::Status MakeError(ErrorCode code, std::string_view detail = {});

// The code that MakeError put into `status`; kInternal for any other error. REQUIRES: !status.ok().
ErrorCode GetErrorCode(const absl::Status& status);

std::optional<ErrorCode> ErrorCodeFromName(std::string_view name);

}  // namespace ds

#endif  // STORAGE_API_ERRORS_H_

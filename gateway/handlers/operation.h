#ifndef GATEWAY_HANDLERS_OPERATION_H_
#define GATEWAY_HANDLERS_OPERATION_H_

#include <cstddef>
#include <string_view>

namespace ds {

// What a request asks for; in metrics, logs and rules by its name.
enum class HttpOperation {
  kCreate,
  kAppend,
  kRead,
  kLongPoll,
  kSse,
  kHead,
  kDelete,
  kSubscription,  // below __ds
  kSignUrl,
  kOptions,
  kOther,  // none of these, or refused before it could be told
};
inline constexpr size_t kOperations = static_cast<size_t>(HttpOperation::kOther) + 1;

constexpr std::string_view OperationName(HttpOperation operation) {
  switch (operation) {
    case HttpOperation::kCreate:
      return "create";
    case HttpOperation::kAppend:
      return "append";
    case HttpOperation::kRead:
      return "read";
    case HttpOperation::kLongPoll:
      return "long_poll";
    case HttpOperation::kSse:
      return "sse";
    case HttpOperation::kHead:
      return "head";
    case HttpOperation::kDelete:
      return "delete";
    case HttpOperation::kSubscription:
      return "subscription";
    case HttpOperation::kSignUrl:
      return "sign_url";
    case HttpOperation::kOptions:
      return "options";
    case HttpOperation::kOther:
      break;
  }
  return "other";
}

}  // namespace ds

#endif  // GATEWAY_HANDLERS_OPERATION_H_

#include "storage/engine/internal_error.h"

#include <string>

#include "base/limited_log.h"
#include "storage/api/errors.h"

namespace ds {

absl::Status InternalError(const absl::Status& cause) {
  const std::string message(cause.message());
  static LogLimit limit;
  LogLimited(limit, spdlog::level::err, "storage: {}", message);
  return MakeError(ErrorCode::kInternal, message);
}

}  // namespace ds

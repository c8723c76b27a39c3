#include "storage/engine/internal_error.h"

#include <string>

#include "spdlog/spdlog.h"
#include "storage/api/errors.h"

namespace ds {

absl::Status InternalError(const absl::Status& cause) {
  const std::string message(cause.message());
  spdlog::error("storage: {}", message);
  return MakeError(ErrorCode::kInternal, message);
}

}  // namespace ds

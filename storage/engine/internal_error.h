#ifndef STORAGE_ENGINE_INTERNAL_ERROR_H_
#define STORAGE_ENGINE_INTERNAL_ERROR_H_

#include "absl/status/status.h"

namespace ds {

// Logs a failure that is the engine's own (damaged data, a failed read) and makes of it what
// callers are told: kInternal. Thread-safe.
absl::Status InternalError(const absl::Status& cause);

}  // namespace ds

#endif  // STORAGE_ENGINE_INTERNAL_ERROR_H_

#ifndef STORAGE_CORE_CONDITION_H_
#define STORAGE_CORE_CONDITION_H_

#include <optional>

#include "absl/status/status.h"
#include "storage/api/condition.h"

namespace ds {

// Whether `condition` holds for a stream in the state `current`, or where there is none (RFC 9110
// sections 13.1.1 and 13.1.2).
bool Holds(const WriteCondition& condition, const std::optional<StreamVersion>& current);

// kPreconditionFailed when it does not hold. nullptr: there is no condition.
absl::Status JudgeCondition(const WriteCondition* condition,
                            const std::optional<StreamVersion>& current);

}  // namespace ds

#endif  // STORAGE_CORE_CONDITION_H_

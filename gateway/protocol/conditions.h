#ifndef GATEWAY_PROTOCOL_CONDITIONS_H_
#define GATEWAY_PROTOCOL_CONDITIONS_H_

#include "absl/status/statusor.h"
#include "gateway/protocol/fields.h"
#include "storage/api/condition.h"

// Conditions of writes, as HTTP states them (RFC 9110 section 13).

namespace ds {

// The condition that these fields of a write state; each is the list that all its lines make. A
// weak tag in If-Match matches nothing (section 13.1.1). If-Unmodified-Since never holds, since the
// server does not know when a stream was modified, and gives way to If-Match (section 13.1.4).
// Error: kInvalidHeader for what is no list of entity tags.
absl::StatusOr<ConditionPtr> ParseWriteCondition(Field if_match, Field if_none_match,
                                                 Field if_unmodified_since);

}  // namespace ds

#endif  // GATEWAY_PROTOCOL_CONDITIONS_H_

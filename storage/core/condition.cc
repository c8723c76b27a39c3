#include "storage/core/condition.h"

#include <algorithm>

#include "storage/api/errors.h"

namespace ds {
namespace {

bool Names(const VersionTag& tag, const StreamVersion& version) {
  return tag.tail == version.tail && (tag.stream_id == 0 || tag.stream_id == version.stream_id) &&
         tag.closed.value_or(version.closed) == version.closed;
}

bool Match(const VersionTags& tags, const std::optional<StreamVersion>& current) {
  if (!current) return false;
  return tags.any || std::any_of(tags.tags.begin(), tags.tags.end(),
                                 [&](const VersionTag& tag) { return Names(tag, *current); });
}

}  // namespace

bool Holds(const WriteCondition& condition, const std::optional<StreamVersion>& current) {
  if (condition.match && !Match(*condition.match, current)) return false;
  return !condition.none_match || !Match(*condition.none_match, current);
}

absl::Status JudgeCondition(const WriteCondition* condition,
                            const std::optional<StreamVersion>& current) {
  if (condition == nullptr || Holds(*condition, current)) return absl::OkStatus();
  return MakeError(ErrorCode::kPreconditionFailed);
}

}  // namespace ds

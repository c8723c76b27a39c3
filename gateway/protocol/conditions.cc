#include "gateway/protocol/conditions.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "gateway/protocol/etag.h"
#include "gateway/protocol/lists.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

// RFC 9110 section 8.8.3: opaque-tag.
bool IsOpaqueTag(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return false;
  const std::string_view content = text.substr(1, text.size() - 2);
  return std::all_of(content.begin(), content.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != '"' && byte != 0x7f;
  });
}

// Reads `"*" / #entity-tag`. `weakly`: whether weak tags count.
bool ParseTags(std::string_view list, bool weakly, VersionTags& tags) {
  tags.any = TrimSpace(list) == "*";
  if (tags.any) return true;
  bool good = true;
  ForEachListItem(list, [&](std::string_view item) {
    const bool weak = item.starts_with("W/");
    if (weak) item.remove_prefix(2);
    good = good && IsOpaqueTag(item);
    if (!good || (weak && !weakly)) return;
    const std::optional<VersionTag> tag = ParseVersionTag(item.substr(1, item.size() - 2));
    if (tag) tags.tags.push_back(*tag);
  });
  return good;
}

absl::Status BadTags(std::string_view field) {
  return MakeError(ErrorCode::kInvalidHeader,
                   std::string(field) + " must be * or a list of entity tags in quotes");
}

}  // namespace

absl::StatusOr<ConditionPtr> ParseWriteCondition(Field if_match, Field if_none_match,
                                                 Field if_unmodified_since) {
  if (!if_match && !if_none_match && !if_unmodified_since) return ConditionPtr();
  auto condition = std::make_shared<WriteCondition>();
  if (if_match && !ParseTags(*if_match, /*weakly=*/false, condition->match.emplace())) {
    return BadTags("If-Match");
  }
  if (if_unmodified_since && !if_match) condition->match.emplace();  // matches nothing
  if (if_none_match &&
      !ParseTags(*if_none_match, /*weakly=*/true, condition->none_match.emplace())) {
    return BadTags("If-None-Match");
  }
  return ConditionPtr(std::move(condition));
}

}  // namespace ds

#include "gateway/auth/rules.h"

#include <algorithm>
#include <utility>

namespace ds::auth {
namespace {

bool Has(const Rule& rule, Permission permission) {
  return (rule.permissions & static_cast<uint8_t>(permission)) != 0;
}

bool MatchesAny(const Rule& rule, const StreamPath& path) {
  return std::any_of(rule.patterns.begin(), rule.patterns.end(),
                     [&](const PathPattern& pattern) { return pattern.Matches(path.text()); }) ||
         std::find(rule.paths.begin(), rule.paths.end(), path) != rule.paths.end();
}

bool IsPlainSegment(const std::string& value) {
  return !value.empty() && value != "." && value != ".." &&
         value.find_first_of("*/{}") == std::string::npos &&
         value.find("%2A") == std::string::npos && value.find("%2a") == std::string::npos;
}

std::optional<PathPattern> Fill(
    const PathPattern& pattern,
    const std::function<std::optional<std::string>(const std::string& name)>& claim) {
  const std::string& text = pattern.text();
  if (text.find('{') == std::string::npos) return pattern;
  std::string filled;
  for (size_t at = 0; at < text.size();) {
    const size_t open = text.find('{', at);
    const size_t close = open == std::string::npos ? open : text.find('}', open);
    if (close == std::string::npos) {
      filled.append(text, at);
      break;
    }
    filled.append(text, at, open - at);
    const std::optional<std::string> value = claim(text.substr(open + 1, close - open - 1));
    if (!value || !IsPlainSegment(*value)) return std::nullopt;
    filled += *value;
    at = close + 1;
  }
  absl::StatusOr<PathPattern> parsed = PathPattern::Parse(std::move(filled));
  if (!parsed.ok()) return std::nullopt;
  return *std::move(parsed);
}

}  // namespace

std::optional<Permission> PermissionFromName(std::string_view name) {
  if (name == "read") return Permission::kRead;
  if (name == "append") return Permission::kAppend;
  if (name == "create") return Permission::kCreate;
  if (name == "delete") return Permission::kDelete;
  if (name == "subscribe") return Permission::kSubscribe;
  if (name == "list") return Permission::kList;
  return std::nullopt;
}

std::string_view PermissionName(Permission permission) {
  switch (permission) {
    case Permission::kRead:
      return "read";
    case Permission::kAppend:
      return "append";
    case Permission::kCreate:
      return "create";
    case Permission::kDelete:
      return "delete";
    case Permission::kSubscribe:
      return "subscribe";
    case Permission::kList:
      return "list";
  }
  return "";
}

bool RuleSet::Allows(Permission permission, const StreamPath& path) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    return Has(rule, permission) && MatchesAny(rule, path);
  });
}

bool RuleSet::Sees(const StreamPath& path) const {
  return std::any_of(rules_.begin(), rules_.end(),
                     [&](const Rule& rule) { return MatchesAny(rule, path); });
}

bool RuleSet::AllowsPattern(Permission permission, const PathPattern& pattern) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    return Has(rule, permission) &&
           std::any_of(rule.patterns.begin(), rule.patterns.end(),
                       [&](const PathPattern& wide) { return wide.Covers(pattern); });
  });
}

RuleSet RuleSet::Filled(
    const std::function<std::optional<std::string>(const std::string& name)>& claim) const {
  std::vector<Rule> rules;
  for (const Rule& rule : rules_) {
    Rule filled{.paths = rule.paths, .permissions = rule.permissions};
    for (const PathPattern& pattern : rule.patterns) {
      if (std::optional<PathPattern> one = Fill(pattern, claim)) {
        filled.patterns.push_back(*std::move(one));
      }
    }
    if (!filled.patterns.empty() || !filled.paths.empty()) rules.push_back(std::move(filled));
  }
  return RuleSet(std::move(rules));
}

}  // namespace ds::auth

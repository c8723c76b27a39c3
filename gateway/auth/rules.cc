#include "gateway/auth/rules.h"

#include <algorithm>
#include <utility>

#include "base/glob.h"

namespace ds::auth {
namespace {

bool Has(const Rule& rule, Permission permission) {
  return (rule.permissions & static_cast<uint8_t>(permission)) != 0;
}

bool MatchesAny(const Rule& rule, std::string_view path) {
  return std::any_of(rule.patterns.begin(), rule.patterns.end(),
                     [&](const std::string& pattern) { return GlobMatches(pattern, path); });
}

// Whether `wide` matches whatever `narrow` does, as far as that is plain.
bool Covers(std::string_view wide, std::string_view narrow) {
  if (wide == narrow || wide == "**") return true;
  if (!wide.ends_with("/**")) return false;
  const std::string_view prefix = wide.substr(0, wide.size() - 2);
  return prefix.find('*') == std::string_view::npos && narrow.starts_with(prefix);
}

bool IsPlainSegment(const std::string& value) {
  return !value.empty() && value != "." && value != ".." &&
         value.find_first_of("*/{}") == std::string::npos;
}

std::optional<std::string> Fill(
    const std::string& pattern,
    const std::function<std::optional<std::string>(const std::string& name)>& claim) {
  std::string filled;
  for (size_t at = 0; at < pattern.size();) {
    const size_t open = pattern.find('{', at);
    const size_t close = open == std::string::npos ? open : pattern.find('}', open);
    if (close == std::string::npos) return filled.append(pattern, at);
    filled.append(pattern, at, open - at);
    const std::optional<std::string> value = claim(pattern.substr(open + 1, close - open - 1));
    if (!value || !IsPlainSegment(*value)) return std::nullopt;
    filled += *value;
    at = close + 1;
  }
  return filled;
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

bool RuleSet::Allows(Permission permission, std::string_view path) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    return Has(rule, permission) && MatchesAny(rule, path);
  });
}

bool RuleSet::Sees(std::string_view path) const {
  return std::any_of(rules_.begin(), rules_.end(),
                     [&](const Rule& rule) { return MatchesAny(rule, path); });
}

bool RuleSet::AllowsPattern(Permission permission, std::string_view pattern) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    return Has(rule, permission) &&
           std::any_of(rule.patterns.begin(), rule.patterns.end(),
                       [&](const std::string& wide) { return Covers(wide, pattern); });
  });
}

RuleSet RuleSet::Filled(
    const std::function<std::optional<std::string>(const std::string& name)>& claim) const {
  std::vector<Rule> rules;
  for (const Rule& rule : rules_) {
    Rule filled{.permissions = rule.permissions};
    for (const std::string& pattern : rule.patterns) {
      if (std::optional<std::string> one = Fill(pattern, claim)) {
        filled.patterns.push_back(*std::move(one));
      }
    }
    if (!filled.patterns.empty()) rules.push_back(std::move(filled));
  }
  return RuleSet(std::move(rules));
}

}  // namespace ds::auth

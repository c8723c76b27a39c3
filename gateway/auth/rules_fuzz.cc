// Rules and the file of --auth-config: whatever is in them, they are taken or refused; and what was
// taken gives no right by one way that another way denies.
//
// An input is four parts, each but the last ended by a line feed: a path, a pattern, the value of
// every claim, and the JSON.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/auth/config.h"
#include "gateway/auth/rules.h"

namespace {

using ds::auth::Permission;
using ds::auth::RuleSet;

void Check(bool condition) {
  if (!condition) std::abort();
}

std::string TakeLine(std::string_view& rest) {
  const size_t end = std::min(rest.find('\n'), rest.size());
  std::string line(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

void CheckRules(const RuleSet& rules, const ds::StreamPath& path, const ds::PathPattern& pattern) {
  for (int bit = 0; bit < 8; ++bit) {
    const auto permission = static_cast<Permission>(1 << bit);
    const bool allowed = rules.Allows(permission, path);
    if (allowed) Check(rules.Sees(path));
    if (rules.AllowsPattern(permission, pattern) && pattern.Matches(path.text())) Check(allowed);
  }
}

// A claim must not make a pattern mean more than one segment where its name stands.
void CheckFilled(const RuleSet& rules, const std::string& claim) {
  const RuleSet filled = rules.Filled([&](const std::string&) { return std::optional(claim); });
  size_t of_filled = 0;
  size_t of_rules = 0;
  for (const ds::auth::Rule& rule : filled.rules()) {
    for (const ds::PathPattern& pattern : rule.patterns) of_filled += pattern.segments().size();
  }
  for (const ds::auth::Rule& rule : rules.rules()) {
    for (const ds::PathPattern& pattern : rule.patterns) of_rules += pattern.segments().size();
  }
  Check(of_filled <= of_rules);
  Check(filled.rules().size() <= rules.rules().size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto path = ds::StreamPath::Parse(TakeLine(rest));
  const auto pattern = ds::PathPattern::Parse(TakeLine(rest));
  const std::string claim = TakeLine(rest);
  const std::string json(rest);

  const auto config = ds::auth::ParseAuthConfig(json, "/folder");
  if (config.ok()) {
    for (const auto& [hash, key] : config->keys) Check(hash.size() == 32 && !key->id.empty());
    for (const std::string& file : config->files()) Check(file.starts_with('/'));
  }
  const auto parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) return 0;
  const auto rules = ds::auth::ParseRules(parsed);
  if (!rules.ok()) return 0;
  CheckFilled(*rules, claim);
  if (path.ok() && pattern.ok()) CheckRules(*rules, *path, *pattern);
  return 0;
}

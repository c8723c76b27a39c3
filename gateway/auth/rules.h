#ifndef GATEWAY_AUTH_RULES_H_
#define GATEWAY_AUTH_RULES_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace ds::auth {

// What may be done to a stream.
enum class Permission : uint8_t {
  kRead = 1,        // GET, HEAD, live reads; as the source of a fork
  kAppend = 2,      // POST, closing included; as the wake stream of a subscription
  kCreate = 4,      // PUT
  kDelete = 8,      // DELETE
  kSubscribe = 16,  // the subscription APIs, for subscriptions of that path
  kList = 32,       // reading the registry
};

std::optional<Permission> PermissionFromName(std::string_view name);

// Permissions on all streams whose path one of the patterns matches: `*` within a segment, `**`
// across segments. In a pattern `{name}` stands for a claim of the token.
struct Rule {
  std::vector<std::string> patterns;
  uint8_t permissions = 0;  // of Permission
};

// What one principal may do. Immutable.
class RuleSet {
 public:
  RuleSet() = default;
  explicit RuleSet(std::vector<Rule> rules) : rules_(std::move(rules)) {}

  bool Allows(Permission permission, std::string_view path) const;
  // Whether there is any permission on the path: then its stream may be known to be there.
  bool Sees(std::string_view path) const;
  // Whether the permission is there for every path that `pattern` can match: the pattern itself is
  // ruled, or everything below a literal beginning of it.
  bool AllowsPattern(Permission permission, std::string_view pattern) const;

  // With each `{name}` replaced by what `claim` says; a pattern whose claim is missing, empty, or
  // holds characters that would widen the pattern (`*`, `/`, `{`), or is `.` or `..`, is left out.
  RuleSet Filled(
      const std::function<std::optional<std::string>(const std::string& name)>& claim) const;

  const std::vector<Rule>& rules() const { return rules_; }

 private:
  std::vector<Rule> rules_;
};

}  // namespace ds::auth

#endif  // GATEWAY_AUTH_RULES_H_

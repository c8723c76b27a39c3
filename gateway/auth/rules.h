#ifndef GATEWAY_AUTH_RULES_H_
#define GATEWAY_AUTH_RULES_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/api/path_pattern.h"
#include "storage/api/stream_path.h"

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
std::string_view PermissionName(Permission permission);

// Permissions on all streams that one of the patterns means, and on those that are named. In a
// pattern `{name}` stands for a claim of the token.
struct Rule {
  std::vector<PathPattern> patterns;
  std::vector<StreamPath> paths = {};
  uint8_t permissions = 0;  // of Permission
};

// What one principal may do. Immutable.
class RuleSet {
 public:
  RuleSet() = default;
  explicit RuleSet(std::vector<Rule> rules) : rules_(std::move(rules)) {}

  bool Allows(Permission permission, const StreamPath& path) const;
  // Whether there is any permission on the path: then its stream may be known to be there.
  bool Sees(const StreamPath& path) const;
  // Whether the permission is there for every stream that `pattern` means: one pattern of the rules
  // covers it.
  bool AllowsPattern(Permission permission, const PathPattern& pattern) const;

  // With each `{name}` replaced by what `claim` says; a pattern whose claim is missing, empty, or
  // holds characters that would mean something else in it (`*`, `/`, `{`, `%2A`), or is `.` or
  // `..`, is left out.
  RuleSet Filled(
      const std::function<std::optional<std::string>(const std::string& name)>& claim) const;

  const std::vector<Rule>& rules() const { return rules_; }

 private:
  std::vector<Rule> rules_;
};

}  // namespace ds::auth

#endif  // GATEWAY_AUTH_RULES_H_

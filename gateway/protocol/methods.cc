#include "gateway/protocol/methods.h"

#include <algorithm>
#include <array>
#include <optional>

#include "gateway/protocol/subscription_json.h"

namespace ds {

bool IsKnownMethod(std::string_view method) {
  constexpr std::array<std::string_view, 8> kKnown = {"GET",    "POST",    "PUT",   "HEAD",
                                                      "DELETE", "OPTIONS", "PATCH", "TRACE"};
  return std::find(kKnown.begin(), kKnown.end(), method) != kKnown.end();
}

std::string_view AllowedMethods(const StreamPath& path) {
  constexpr std::string_view kReading = "GET, HEAD, OPTIONS";
  if (path.text() == kRegistryPath) return kReading;
  if (!IsControlPath(path)) return kAllMethods;
  if (path.text() == kSignUrlPath) return "POST, OPTIONS";
  const std::optional<ControlRoute> route = ParseControlPath(path);
  if (!route) return "OPTIONS";
  switch (route->kind) {
    case ControlRoute::Kind::kSigningKeys:
      return kReading;
    case ControlRoute::Kind::kSubscription:
      return "GET, HEAD, PUT, DELETE, OPTIONS";
    case ControlRoute::Kind::kStream:
      return "DELETE, OPTIONS";
    case ControlRoute::Kind::kStreams:
    case ControlRoute::Kind::kCallback:
    case ControlRoute::Kind::kClaim:
    case ControlRoute::Kind::kAck:
    case ControlRoute::Kind::kRelease:
      return "POST, OPTIONS";
  }
  return kAllMethods;
}

}  // namespace ds

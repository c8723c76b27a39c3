#include "gateway/handlers/access.h"

#include <utility>

namespace ds {

StreamPath SubscriptionPath(const std::string& id) {
  absl::StatusOr<StreamPath> path = StreamPath::Parse("__ds/subscriptions/" + id);
  return path.ok() ? *std::move(path) : StreamPath();
}

}  // namespace ds

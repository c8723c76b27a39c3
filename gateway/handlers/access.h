#ifndef GATEWAY_HANDLERS_ACCESS_H_
#define GATEWAY_HANDLERS_ACCESS_H_

#include <string>
#include <vector>

#include "gateway/auth/rules.h"
#include "gateway/auth/signed_url.h"
#include "storage/api/subscriptions.h"
#include "storage/api/types.h"

// What requests do to which streams. This is the only place that says so: admission judges what is
// listed here, and a StoreCall refuses a request of which something was not judged.

namespace ds {

// Something that a request does to a stream or, where the pattern is not empty, to all streams that
// it means.
struct Access {
  auth::Permission permission = auth::Permission::kRead;
  StreamPath path;
  PathPattern pattern = {};

  friend bool operator==(const Access&, const Access&) = default;
};

// What is read of the registry lists all streams.
inline auth::Permission PermissionToRead(const StreamPath& path) {
  return path == kRegistryPath ? auth::Permission::kList : auth::Permission::kRead;
}

// The path for which rules say who may use a subscription.
StreamPath SubscriptionPath(const std::string& id);

// Calls `visit` with the permission and the path, or the pattern, of everything that a request for
// the store does.
template <typename Visit>
void ForEachAccess(const CreateRequest& request, Visit&& visit) {
  visit(auth::Permission::kCreate, request.path);
  if (!request.fork) return;
  const StreamPath& source = request.fork->source_path;
  visit(PermissionToRead(source), source);
}
template <typename Visit>
void ForEachAccess(const AppendRequest& request, Visit&& visit) {
  visit(auth::Permission::kAppend, request.path);
}
template <typename Visit>
void ForEachAccess(const ReadRequest& request, Visit&& visit) {
  visit(PermissionToRead(request.path), request.path);
}
template <typename Visit>
void ForEachAccess(const HeadRequest& request, Visit&& visit) {
  visit(PermissionToRead(request.path), request.path);
}
template <typename Visit>
void ForEachAccess(const DeleteRequest& request, Visit&& visit) {
  visit(auth::Permission::kDelete, request.path);
}

// Of subscriptions. Acks and releases bring a token of their wake along, which is their right
// (section 7.3), and the keys that verify webhooks are public (section 6.5): those do nothing here.
template <typename Visit>
void ForEachAccess(const SubscriptionCall& call, Visit&& visit) {
  using Call = SubscriptionCall;
  const Call::Operation& operation = call.operation;
  if (std::holds_alternative<Call::Ack>(operation) ||
      std::holds_alternative<Call::Release>(operation) ||
      std::holds_alternative<Call::SigningKeys>(operation)) {
    return;
  }
  visit(auth::Permission::kSubscribe, SubscriptionPath(call.id));
  const std::vector<StreamPath>* streams = nullptr;
  if (const auto* const put = std::get_if<Call::Put>(&operation)) {
    const SubscriptionConfig& config = put->config;
    // What is subscribed to tells of itself, so it must be readable; and waking writes.
    if (!config.pattern.empty()) visit(auth::Permission::kRead, config.pattern);
    if (!config.wake_stream.empty()) visit(auth::Permission::kAppend, config.wake_stream);
    streams = &config.streams;
  } else if (const auto* const add = std::get_if<Call::AddStreams>(&operation)) {
    streams = &add->paths;
  }
  if (streams == nullptr) return;
  for (const StreamPath& path : *streams) visit(PermissionToRead(path), path);
}

// Who has a URL signed hands out what it is for.
template <typename Visit>
void ForEachAccess(const auth::UrlWish& wish, Visit&& visit) {
  const uint8_t permissions = auth::UrlPermissions(wish.operations);
  for (int bit = 0; bit < 8; ++bit) {
    if ((permissions >> bit & 1) == 0) continue;
    const auto permission = static_cast<auth::Permission>(1 << bit);
    if (wish.pattern.empty()) {
      visit(permission, wish.path);
    } else {
      visit(permission, wish.pattern);
    }
  }
}

// The same as a list.
template <typename Request>
std::vector<Access> ListAccesses(const Request& request) {
  std::vector<Access> accesses;
  ForEachAccess(request, [&](auth::Permission permission, const auto& what) {
    Access& access = accesses.emplace_back(Access{permission});
    if constexpr (std::is_same_v<std::decay_t<decltype(what)>, PathPattern>) {
      access.pattern = what;
    } else {
      access.path = what;
    }
  });
  return accesses;
}

}  // namespace ds

#endif  // GATEWAY_HANDLERS_ACCESS_H_

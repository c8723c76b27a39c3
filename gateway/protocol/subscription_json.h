#ifndef GATEWAY_PROTOCOL_SUBSCRIPTION_JSON_H_
#define GATEWAY_PROTOCOL_SUBSCRIPTION_JSON_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/api/subscriptions.h"

// The bodies of the subscription APIs (sections 6 and 7), and the paths below `__ds`. What cannot
// be parsed is kInvalidSubscription; a member that is not known is ignored.

namespace ds {

// Whether a stream path is one of the control APIs'.
bool IsControlPath(const StreamPath& path);

// What a control path names.
struct ControlRoute {
  enum class Kind {
    kSigningKeys,   // jwks.json
    kSubscription,  // subscriptions/ID
    kStreams,       // subscriptions/ID/streams
    kStream,        // subscriptions/ID/streams/PATH
    kCallback,      // subscriptions/ID/callback, and so on
    kClaim,
    kAck,
    kRelease,
  };
  Kind kind = Kind::kSigningKeys;
  std::string id;
  std::string stream;  // of kStream
};
// nullopt for none of these.
std::optional<ControlRoute> ParseControlPath(const StreamPath& path);

// The largest body of these APIs: a thousand long paths.
inline constexpr uint64_t kMaxControlBodyBytes = 1 << 20;
// The largest body of one of them, in bytes. Within it the parsers below take 10,000 JSON values,
// and 16 levels of them.
uint64_t MaxControlBody(ControlRoute::Kind kind);

absl::StatusOr<SubscriptionConfig> ParseSubscriptionBody(std::string_view body);
absl::StatusOr<std::vector<StreamPath>> ParseStreamsBody(std::string_view body);
// The path behind `streams/` of a control path. Errors: kInvalidSubscription.
absl::StatusOr<StreamPath> ParseLinkedPath(std::string_view path);
absl::StatusOr<std::string> ParseClaimBody(std::string_view body);
// Without type and token.
absl::StatusOr<SubscriptionCall::Ack> ParseAckBody(std::string_view body);
// Without token.
absl::StatusOr<SubscriptionCall::WakeReference> ParseReleaseBody(std::string_view body);

std::string SubscriptionBody(const SubscriptionInfo& info);
std::string ClaimBody(const SubscriptionAnswer& answer);
std::string AckBody(const SubscriptionAnswer& answer);
// A JWK Set (RFC 7517, RFC 8037).
std::string SigningKeysBody(const std::vector<PublicKey>& keys);
// `{"error": {"code": ...}}`. REQUIRES: !answer.status.ok().
std::string SubscriptionErrorBody(const SubscriptionAnswer& answer);

}  // namespace ds

#endif  // GATEWAY_PROTOCOL_SUBSCRIPTION_JSON_H_

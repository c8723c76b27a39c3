#ifndef STORAGE_API_SUBSCRIPTIONS_H_
#define STORAGE_API_SUBSCRIPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "storage/api/call_context.h"
#include "storage/api/offset.h"
#include "storage/api/path_pattern.h"
#include "storage/api/stream_path.h"

// The values of StreamStore::Subscriptions: durable cursors that wake workers (protocol sections 6
// and 7). Paths are those of streams, below the stream root.

namespace ds {

enum class SubscriptionType { kWebhook, kPullWake };

// What a subscription is asked to be (section 6.2). Two are the same when all members are equal.
struct SubscriptionConfig {
  SubscriptionType type = SubscriptionType::kWebhook;
  PathPattern pattern;              // empty: none
  std::vector<StreamPath> streams;  // the explicit ones at creation; sorted, without repetition
  std::string webhook_url;          // of kWebhook
  StreamPath wake_stream;           // of kPullWake
  uint64_t lease_ttl_ms = 30'000;   // 1,000 to 600,000
  std::optional<std::string> description;

  friend bool operator==(const SubscriptionConfig&, const SubscriptionConfig&) = default;
};

// A stream of a subscription and how far its worker has come.
struct SubscriptionLink {
  std::string path;
  bool is_explicit = false;     // else by the pattern
  std::optional<Offset> acked;  // the last processed offset, inclusive; not set: nothing yet
  // The rest is set where work is handed out.
  Offset tail;
  bool pending = false;  // there is data behind `acked`
};

struct SubscriptionInfo {
  std::string id;
  SubscriptionConfig config;
  std::string base_url;  // of the stream root, as the client that created it sees the server
  absl::Time created_at;
  bool failed = false;  // the last webhook delivery failed, and a retry is scheduled
  std::vector<SubscriptionLink> links;  // in byte order of their paths
  std::string signing_key_id;           // the one that signs webhooks now
};

// A public key that signs webhooks: Ed25519.
struct PublicKey {
  std::string id;     // `kid`: "ds_" and the key's thumbprint (RFC 7638)
  std::string bytes;  // 32
};

// One request about subscriptions. Errors, for each beside kStorageUnavailable and its like:
struct SubscriptionCall {
  // Creates it, or confirms one of the same configuration. kInvalidSubscription,
  // kWebhookUrlRejected, kSubscriptionExists.
  struct Put {
    SubscriptionConfig config;
    std::string base_url;
    // One that the server was told by its operator also replaces that of a subscription that is
    // there; one that a request has named does not. (GCC 12 takes no initializer here; false where
    // it is left out, since values of this type are value-initialized.)
    bool base_url_is_configured;
  };
  // kSubscriptionNotFound.
  struct Get {};
  // Deletes it; one that is not there is no error.
  struct Delete {};
  // Links further streams explicitly, at their tails. kSubscriptionNotFound, kInvalidSubscription.
  struct AddStreams {
    std::vector<StreamPath> paths;
  };
  // Takes an explicit link away; one by the pattern stays. kSubscriptionNotFound.
  struct RemoveStream {
    StreamPath path;
  };
  // Hands the pending work of a pull-wake subscription to a worker. kSubscriptionNotFound,
  // kInvalidSubscription (a webhook one), kAlreadyClaimed, kNoPendingWork.
  struct Claim {
    std::string worker;
  };
  // Which wake a worker acts for.
  struct WakeReference {
    std::string token;
    std::string wake_id;
    uint64_t generation = 0;
  };
  struct AckedStream {
    StreamPath path;
    std::string offset;  // as the worker wrote it
  };
  // Moves cursors and extends the lease, or ends it with `done`. kSubscriptionNotFound,
  // kInvalidSubscription, kTokenInvalid, kTokenExpired, kFenced, kAckRejected; nothing was applied.
  struct Ack {
    SubscriptionType type = SubscriptionType::kPullWake;  // whose endpoint was called
    WakeReference wake;
    std::vector<AckedStream> acks;
    bool done = false;
  };
  // Gives a claim back. Errors: as Ack.
  struct Release {
    WakeReference wake;
  };
  // The keys that webhooks may be signed with.
  struct SigningKeys {};
  // Signs with a new key from now on; the old one stays published for a while.
  struct RotateSigningKey {};

  using Operation = std::variant<Put, Get, Delete, AddStreams, RemoveStream, Claim, Ack, Release,
                                 SigningKeys, RotateSigningKey>;

  std::string id;  // of the subscription; empty for the two about keys
  Operation operation;
  CallContext context = {};
};

// Whether it may change something.
inline bool Writes(const SubscriptionCall::Operation& operation) {
  return !std::holds_alternative<SubscriptionCall::Get>(operation) &&
         !std::holds_alternative<SubscriptionCall::SigningKeys>(operation);
}

struct SubscriptionAnswer {
  absl::Status status;
  // Put and Get.
  bool created = false;
  SubscriptionInfo info;
  // Claim; `generation` and `holder` also with kAlreadyClaimed.
  std::string wake_id;
  uint64_t generation = 0;
  std::string token;
  std::string holder;
  std::vector<SubscriptionLink> work;  // the streams with pending data, some thousand at most
  uint64_t lease_ttl_ms = 0;
  // Ack with `done`: a new wake was issued for what is still pending.
  bool next_wake = false;
  // SigningKeys and RotateSigningKey; the first is the one that signs.
  std::vector<PublicKey> keys;
};

}  // namespace ds

#endif  // STORAGE_API_SUBSCRIPTIONS_H_

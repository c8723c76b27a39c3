#ifndef STORAGE_ENGINE_OPERATION_H_
#define STORAGE_ENGINE_OPERATION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "base/unique_function.h"
#include "storage/api/stream_store.h"
#include "storage/engine/stream_entry.h"
#include "storage/subscriptions/webhook_sender.h"

// What the commit loop is asked to do. `done` is called once, from the thread that commits, after
// the commit of what the answer rests on, or when the operation is refused.

namespace ds {

// An append whose body was split into messages where it is JSON.
struct AppendOperation {
  AppendRequest request;
  std::vector<uint32_t> message_sizes;
  StreamStore::Callback<AppendResult> done;
  // Why there is no valid body. The stream's state may be a reason to refuse that comes before.
  absl::Status body = {};
};

struct CreateOperation {
  CreateRequest request;
  std::vector<uint32_t> message_sizes;
  StreamStore::Callback<CreateResult> done;
};

struct DeleteOperation {
  DeleteRequest request;
  StreamStore::Callback<DeleteResult> done;
};

// Persists the last use of a stream with a TTL.
struct RenewOperation {
  EntryPtr entry;
};

// Of an operation that the engine itself asked for.
struct MaintenanceResult {
  absl::Status status;
};

// Puts records, which hold the same appends in fewer pieces, in the place of those at `obsolete`.
struct RepackOperation {
  struct Record {
    uint64_t start = 0;
    std::string value;
  };

  EntryPtr entry;
  std::vector<Record> records;
  std::vector<uint64_t> obsolete;  // start positions
  StreamStore::Callback<MaintenanceResult> done;
};

// Removes keys of streams that were deleted before (see RecordRemover).
struct RemovalOperation {
  // Of all ids in [begin, end).
  struct Range {
    uint64_t begin = 0;
    uint64_t end = 0;
  };

  std::vector<std::string> records;
  std::vector<std::string> producers;
  std::vector<Range> record_ranges;
  std::vector<Range> producer_ranges;
  std::vector<uint64_t> deletions;  // of which nothing is left then, by their numbers
  StreamStore::Callback<MaintenanceResult> done;
};

// The streams that a new subscription's pattern means. They are looked for while others write:
// first the commit thread takes note of the search, then a thread walks over all names, and then
// the subscription is made of what that found and of what was created meanwhile.
struct PatternSearch {
  explicit PatternSearch(PathPattern of) : pattern(std::move(of)) {}

  const PathPattern pattern;
  bool walked = false;
  std::vector<std::string> found;    // by the walk; of the thread that has the search
  std::vector<std::string> created;  // since it was noted; of the commit thread
};

struct SubscriptionOperation {
  SubscriptionCall call;
  StreamStore::Callback<SubscriptionAnswer> done;
  // With a Put that has a pattern. While it is not walked the answer is only whether to go on: the
  // Put's own when it is refused or there already, else one with `created`.
  std::shared_ptr<PatternSearch> search = nullptr;
};

// What became of a webhook.
struct WebhookResultOperation {
  std::string id;  // of the subscription
  uint64_t generation = 0;
  std::string wake_id;
  std::vector<std::pair<std::string, Offset>> snapshot;  // paths and tails that it told of
  WebhookResponse response;
};

using Operation =
    std::variant<AppendOperation, CreateOperation, DeleteOperation, RenewOperation, RepackOperation,
                 RemovalOperation, SubscriptionOperation, WebhookResultOperation>;

// What an operation takes while it is queued, in bytes, about.
uint64_t SizeOf(const Operation& operation);

// When the caller stops waiting for it; CallContext::kNoDeadline: it waits.
SteadyTime DeadlineOf(const Operation& operation);

// What answers the operation's caller with an error, to be called once. Whoever works on the
// operation goes on, and answers nobody. Empty: it has no caller, or not any more.
UniqueFunction<void()> TakeAnswer(Operation& operation, const absl::Status& status);

// Answers an operation of which nothing was tried.
void Refuse(Operation& operation, const absl::Status& status);

}  // namespace ds

#endif  // STORAGE_ENGINE_OPERATION_H_

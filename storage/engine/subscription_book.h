#ifndef STORAGE_ENGINE_SUBSCRIPTION_BOOK_H_
#define STORAGE_ENGINE_SUBSCRIPTION_BOOK_H_

#include <atomic>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "storage/api/subscriptions.h"
#include "storage/engine/batch.h"
#include "storage/engine/database.h"
#include "storage/engine/operation.h"
#include "storage/engine/probe.h"
#include "storage/engine/record_reader.h"
#include "storage/engine/secret_store.h"
#include "storage/engine/store_limits.h"
#include "storage/engine/stream_entry.h"
#include "storage/engine/subscription_metadata.h"
#include "storage/subscriptions/pattern.h"
#include "storage/subscriptions/tokens.h"
#include "storage/subscriptions/webhook_policy.h"
#include "storage/subscriptions/webhook_sender.h"

namespace ds {

// One subscription in memory.
struct SubscriptionEntry : SubscriptionRecord {
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  std::map<std::string, LinkState> links;  // by path
  std::set<std::string> pending;           // of links: paths with work
  bool attempting = false;                 // a webhook is on its way
  int64_t timer = kNever;                  // its time in the book's timers
};

// All subscriptions, in memory and on disk (protocol sections 6 and 7). Changes go into the batch
// of what causes them: the append that makes work pending carries the wake that tells of it, so
// after a crash there is no work without one. The rules are storage/subscriptions/subscription.h's.
//
// Work is pending in the streams of a subscription whose tail is beyond its cursor. Which those are
// is known in memory; for a subscription that is idle there are none, so that a start reads only
// the streams of those that are at work.
//
// Part of the StreamWriter; belongs to the commit thread. Its requests are in
// subscription_requests.cc, wakes and webhooks in subscription_wakes.cc.
class SubscriptionBook {
 public:
  // What the book needs of the streams.
  class Streams {
   public:
    // The stream at `path` as the batch leaves it, if clients see it; changes nothing.
    virtual EntryPtr FindLive(const std::string& path) = 0;
    // Appends one message. REQUIRES: the stream is live and open.
    virtual void AppendMessage(const EntryPtr& entry, std::string message) = 0;
    // Commits the batch.
    virtual void Flush() = 0;

   protected:
    ~Streams() = default;
  };

  struct Options {
    WebhookPolicy webhooks;
    SecretKeys secret_keys;
    StoreLimits limits;
  };

  // All arguments but `options` must outlive the object. Call Load before anything else.
  SubscriptionBook(Options options, Database& database, Batch& batch, RecordReader& reader,
                   Streams& streams, Clock& clock, EngineProbe& probe);
  ~SubscriptionBook();

  // Reads what is on disk; makes the keys of a new directory. Errors: DataLoss; FailedPrecondition
  // when the secrets need a key that is not there.
  absl::Status Load();
  // Webhooks are not sent before. `report` gets what became of each, on any thread.
  void SetSender(WebhookSender* sender, UniqueFunction<void(WebhookResultOperation)> report);

  // Of streams: to be called when the batch creates, appends to, or removes one.
  void OnCreated(const StreamEntry& entry);
  void OnAppended(const StreamEntry& entry) {
    if (!by_stream_.empty()) NotePending(entry);
  }
  void OnRemoved(const StreamEntry& entry);

  SubscriptionAnswer Apply(SubscriptionOperation& operation);
  void Apply(const WebhookResultOperation& result);
  // Ends leases and begins attempts whose time has come.
  void OnTime();
  // Nothing is due before, in nanoseconds since 1970.
  int64_t next_due_nanos() const {
    return timers_.empty() ? SubscriptionEntry::kNever : timers_.begin()->first;
  }

  // How many there are. Thread-safe, as opposed to the rest.
  size_t count() const { return count_.load(std::memory_order_relaxed); }

  // Whether Seal has something to put into the batch.
  bool changed() const { return !touched_.empty() || keys_touched_; }
  // Puts what has changed into the batch; to be called before it is written.
  void Seal();
  // The batch is committed: webhooks go out.
  void Publish();
  // The batch is lost: subscriptions are again what is on disk.
  void Rollback();

 private:
  using SubscriptionPtr = std::unique_ptr<SubscriptionEntry>;

  SubscriptionAnswer ApplyOne(const std::string& id, SubscriptionCall::Put& put);
  // A Put with a pattern; see PatternSearch.
  SubscriptionAnswer PutPattern(const std::string& id, SubscriptionCall::Put& put,
                                const std::shared_ptr<PatternSearch>& search);
  // What is to be answered before anything is made: a refusal, or that it is there already.
  std::optional<SubscriptionAnswer> CheckPut(const std::string& id, SubscriptionCall::Put& put);
  // Whether there may be one more, with its streams; kQuotaExceeded if not.
  absl::Status CheckLimits(const SubscriptionCall::Put& put);
  absl::Status CheckLinkCount(size_t links);
  // Makes it, without what its pattern finds. Errors, in the answer: kInternal.
  SubscriptionEntry* Make(const std::string& id, SubscriptionCall::Put& put,
                          SubscriptionAnswer& answer);
  void NoteCreated(const std::string& path);
  SubscriptionAnswer ApplyOne(const std::string& id, const SubscriptionCall::Get&);
  SubscriptionAnswer ApplyOne(const std::string& id, const SubscriptionCall::Delete&);
  SubscriptionAnswer ApplyOne(const std::string& id, const SubscriptionCall::AddStreams& add);
  SubscriptionAnswer ApplyOne(const std::string& id, const SubscriptionCall::RemoveStream& remove);
  SubscriptionAnswer ApplyOne(const std::string& id, const SubscriptionCall::Claim& claim);
  SubscriptionAnswer ApplyOne(const std::string& id, const SubscriptionCall::Ack& ack);
  SubscriptionAnswer ApplyOne(const std::string& id, const SubscriptionCall::Release& release);
  SubscriptionAnswer ApplyOne(const std::string&, const SubscriptionCall::SigningKeys&);
  SubscriptionAnswer ApplyOne(const std::string&, const SubscriptionCall::RotateSigningKey&);

  SubscriptionEntry* Find(const std::string& id);
  // The subscription, if the request acts for its wake: section 7.3.
  absl::StatusOr<SubscriptionEntry*> FindWoken(const std::string& id,
                                               const SubscriptionCall::WakeReference& wake);
  SubscriptionInfo Describe(const SubscriptionEntry& subscription) const;
  std::vector<SubscriptionLink> PendingWork(const SubscriptionEntry& subscription);

  // The first change of a subscription in the batch: from here it can be rolled back.
  void Touch(SubscriptionEntry& subscription);
  void PutLink(const SubscriptionEntry& subscription, const std::string& path,
               const LinkState& link);
  // Links the stream where it is not, at its tail; `entry` is nullptr for one that is not there.
  void Link(SubscriptionEntry& subscription, const std::string& path, const StreamEntry* entry,
            bool by_pattern);
  void Unlink(SubscriptionEntry& subscription, const std::string& path);
  void LinkMatches(SubscriptionEntry& subscription, const std::vector<std::string>& paths);
  void SetAcked(SubscriptionEntry& subscription, const std::string& path, LinkState& link,
                const Offset& offset);
  // Whether there is work in the stream, and takes note of it.
  void CheckPending(SubscriptionEntry& subscription, const std::string& path,
                    const LinkState& link);
  void NotePending(const StreamEntry& entry);

  // Issues a wake if work is pending and nothing stands in the way; says whether it did.
  bool WakeIfPending(SubscriptionEntry& subscription);
  void WriteWakeEvent(const SubscriptionEntry& subscription, const EntryPtr& wake_stream);
  void Issue(SubscriptionEntry& subscription);
  void End(SubscriptionEntry& subscription);
  void CountFailure(SubscriptionEntry& subscription);
  void Attempt(SubscriptionEntry& subscription);
  void Send(SubscriptionEntry& subscription);
  void Schedule(SubscriptionEntry& subscription);

  // Into and out of the indexes.
  void Enter(SubscriptionPtr subscription);
  void Remove(const std::string& id);
  absl::Status LoadOne(const std::string& id);
  absl::Status LoadLinks(SubscriptionEntry& subscription);
  absl::Status LoadKeys();
  absl::Status MakeKeys();

  const WebhookPolicy policy_;
  const StoreLimits limits_;
  SecretStore secrets_;
  Database& database_;
  Batch& batch_;
  RecordReader& reader_;
  Streams& streams_;
  Clock& clock_;
  EngineProbe& probe_;
  WebhookSender* sender_ = nullptr;
  std::shared_ptr<UniqueFunction<void(WebhookResultOperation)>> report_;

  std::optional<KeyRing> keys_;
  std::optional<WakeTokens> tokens_;
  std::unordered_map<std::string, SubscriptionPtr> subscriptions_;
  std::atomic<size_t> count_{0};  // of subscriptions_
  std::unordered_map<std::string, std::vector<SubscriptionEntry*>> by_stream_;
  std::unordered_map<std::string, std::vector<SubscriptionEntry*>> by_wake_stream_;
  PatternIndex patterns_;
  std::vector<std::weak_ptr<PatternSearch>> searches_;  // that go on, or were given up
  std::set<std::pair<int64_t, SubscriptionEntry*>> timers_;
  std::minstd_rand random_{std::random_device{}()};

  // Of the batch.
  std::set<std::string> touched_;  // ids
  bool keys_touched_ = false;
  struct Delivery {
    std::string id;
    uint64_t generation;
  };
  std::vector<Delivery> deliveries_;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_SUBSCRIPTION_BOOK_H_

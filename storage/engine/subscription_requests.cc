#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/api/errors.h"
#include "storage/core/content_type.h"
#include "storage/engine/internal_error.h"
#include "storage/engine/subscription_book.h"

// What is asked of subscriptions: sections 6.2 to 6.5, and the callbacks, claims, acks and releases
// of section 7.

namespace ds {
namespace {

SubscriptionAnswer Refusal(ErrorCode code, std::string_view detail = {}) {
  return {.status = MakeError(code, detail)};
}

SubscriptionAnswer NotFound() { return Refusal(ErrorCode::kSubscriptionNotFound); }

}  // namespace

SubscriptionInfo SubscriptionBook::Describe(const SubscriptionEntry& subscription) const {
  SubscriptionInfo info{.id = subscription.id,
                        .config = subscription.config,
                        .base_url = subscription.base_url,
                        .created_at = subscription.created_at,
                        .failed = subscription.state.failures > 0,
                        .signing_key_id = keys_->current().public_key().id};
  for (const auto& [path, link] : subscription.links) {
    info.links.push_back({.path = path, .is_explicit = link.by_request, .acked = link.acked});
  }
  return info;
}

SubscriptionAnswer SubscriptionBook::Apply(SubscriptionOperation& operation) {
  SubscriptionCall& call = operation.call;
  if (operation.search != nullptr) {
    return PutPattern(call.id, std::get<SubscriptionCall::Put>(call.operation), operation.search);
  }
  return std::visit([&](auto& one) { return ApplyOne(call.id, one); }, call.operation);
}

std::optional<SubscriptionAnswer> SubscriptionBook::CheckPut(const std::string& id,
                                                             SubscriptionCall::Put& put) {
  SubscriptionAnswer answer;
  Normalize(put.config);
  answer.status = CheckId(id);
  if (answer.status.ok()) answer.status = CheckConfig(put.config);
  if (answer.status.ok() && put.config.type == SubscriptionType::kWebhook) {
    answer.status = policy_.CheckUrl(put.config.webhook_url);
  }
  if (!answer.status.ok()) return answer;
  SubscriptionEntry* const existing = Find(id);
  if (existing == nullptr) {
    answer.status = CheckLimits(put);
    if (!answer.status.ok()) return answer;
    if (put.config.pattern.empty() || patterns_.HasRoomFor(put.config.pattern)) return std::nullopt;
    return Refusal(ErrorCode::kInvalidSubscription,
                   "there are too many patterns with segments behind a '**' that begin like this "
                   "one; begin it with more literal segments");
  }
  if (existing->config_hash != HashConfig(put.config)) {
    return Refusal(ErrorCode::kSubscriptionExists);
  }
  if (put.base_url_is_configured && existing->base_url != put.base_url) {
    Touch(*existing);
    existing->base_url = put.base_url;
  }
  answer.info = Describe(*existing);
  return answer;
}

absl::Status SubscriptionBook::CheckLimits(const SubscriptionCall::Put& put) {
  if (limits_.subscriptions != 0 && subscriptions_.size() >= limits_.subscriptions) {
    probe_.refused_subscriptions.Increment();
    return MakeError(ErrorCode::kQuotaExceeded,
                     absl::StrCat("there are ", limits_.subscriptions, " subscriptions"));
  }
  return CheckLinkCount(put.config.streams.size());
}

absl::Status SubscriptionBook::CheckLinkCount(size_t links) {
  if (limits_.links_per_subscription == 0 || links <= limits_.links_per_subscription) {
    return absl::OkStatus();
  }
  probe_.refused_links.Increment();
  return MakeError(ErrorCode::kQuotaExceeded,
                   absl::StrCat("the subscription would have ", links, " streams, and may have ",
                                limits_.links_per_subscription));
}

SubscriptionEntry* SubscriptionBook::Make(const std::string& id, SubscriptionCall::Put& put,
                                          SubscriptionAnswer& answer) {
  // A wake's generation comes from the disk, if a subscription of the same id was deleted.
  streams_.Flush();
  auto made = std::make_unique<SubscriptionEntry>();
  std::string value;
  const rocksdb::Status found = database_.Get(Family::kSubscriptions, SubscriptionKey(id), &value);
  bool deleted = false;
  if (!found.IsNotFound() && (!found.ok() || !DecodeSubscription(value, *made, deleted))) {
    answer.status = InternalError(absl::DataLossError("cannot read a deleted subscription"));
    return nullptr;
  }
  made->id = id;
  made->config_hash = HashConfig(put.config);
  made->base_url = put.base_url;
  made->created_at = clock_.Wall();
  const std::vector<StreamPath> streams = std::move(put.config.streams);
  made->config = std::move(put.config);
  made->config.streams.clear();
  SubscriptionEntry& subscription = *made;
  Enter(std::move(made));
  Touch(subscription);
  for (const StreamPath& path : streams) {
    Link(subscription, path, streams_.FindLive(path).get(), /*by_pattern=*/false);
  }
  answer.created = true;
  return &subscription;
}

SubscriptionAnswer SubscriptionBook::ApplyOne(const std::string& id, SubscriptionCall::Put& put) {
  if (std::optional<SubscriptionAnswer> known = CheckPut(id, put)) return *std::move(known);
  SubscriptionAnswer answer;
  const SubscriptionEntry* const made = Make(id, put, answer);
  if (made != nullptr) answer.info = Describe(*made);
  return answer;
}

SubscriptionAnswer SubscriptionBook::PutPattern(const std::string& id, SubscriptionCall::Put& put,
                                                const std::shared_ptr<PatternSearch>& search) {
  if (std::optional<SubscriptionAnswer> known = CheckPut(id, put)) return *std::move(known);
  SubscriptionAnswer answer;
  if (!search->walked) {
    searches_.push_back(search);
    answer.created = true;
    return answer;
  }
  answer.status =
      CheckLinkCount(put.config.streams.size() + search->found.size() + search->created.size());
  if (!answer.status.ok()) return answer;
  SubscriptionEntry* const made = Make(id, put, answer);
  if (made == nullptr) return answer;
  LinkMatches(*made, search->found);
  LinkMatches(*made, search->created);
  answer.info = Describe(*made);
  return answer;
}

SubscriptionAnswer SubscriptionBook::ApplyOne(const std::string& id, const SubscriptionCall::Get&) {
  const SubscriptionEntry* const subscription = Find(id);
  if (subscription == nullptr) return NotFound();
  return {.info = Describe(*subscription)};
}

SubscriptionAnswer SubscriptionBook::ApplyOne(const std::string& id,
                                              const SubscriptionCall::Delete&) {
  SubscriptionEntry* const subscription = Find(id);
  if (subscription == nullptr) return {};
  Touch(*subscription);
  rocksdb::ColumnFamilyHandle* const family = database_.family(Family::kSubscriptions);
  for (const auto& [path, link] : subscription->links) {
    batch_.writes().Delete(family, LinkKey(id, path));
  }
  batch_.writes().Put(family, SubscriptionKey(id),
                      EncodeDeletedSubscription(subscription->state.generation));
  Remove(id);
  return {};
}

SubscriptionAnswer SubscriptionBook::ApplyOne(const std::string& id,
                                              const SubscriptionCall::AddStreams& add) {
  SubscriptionEntry* const subscription = Find(id);
  if (subscription == nullptr) return NotFound();
  SubscriptionConfig config = subscription->config;
  config.streams = add.paths;
  Normalize(config);
  if (config.streams.empty()) {
    return Refusal(ErrorCode::kInvalidSubscription, "streams must not be empty");
  }
  absl::Status status = CheckConfig(config);
  if (status.ok()) {
    const auto added =
        std::count_if(config.streams.begin(), config.streams.end(),
                      [&](const StreamPath& path) { return !subscription->links.contains(path); });
    status = added == 0 ? absl::OkStatus()
                        : CheckLinkCount(subscription->links.size() + static_cast<size_t>(added));
  }
  if (!status.ok()) return {.status = std::move(status)};
  for (const StreamPath& path : config.streams) {
    Link(*subscription, path, streams_.FindLive(path).get(), /*by_pattern=*/false);
  }
  return {};
}

SubscriptionAnswer SubscriptionBook::ApplyOne(const std::string& id,
                                              const SubscriptionCall::RemoveStream& remove) {
  SubscriptionEntry* const subscription = Find(id);
  if (subscription == nullptr) return NotFound();
  const auto it = subscription->links.find(remove.path);
  if (it == subscription->links.end() || !it->second.by_request) return {};
  if (!it->second.by_pattern) {
    Unlink(*subscription, std::string(it->first));
    return {};
  }
  Touch(*subscription);
  it->second.by_request = false;
  PutLink(*subscription, it->first, it->second);
  return {};
}

SubscriptionAnswer SubscriptionBook::ApplyOne(const std::string& id,
                                              const SubscriptionCall::Claim& claim) {
  SubscriptionEntry* const subscription = Find(id);
  if (subscription == nullptr) return NotFound();
  if (subscription->config.type != SubscriptionType::kPullWake) {
    return Refusal(ErrorCode::kInvalidSubscription, "only pull-wake subscriptions are claimed");
  }
  if (claim.worker.empty()) {
    return Refusal(ErrorCode::kInvalidSubscription, "worker must be a non-empty string");
  }
  SubscriptionState& state = subscription->state;
  const absl::Time now = clock_.Now();
  // A lease that the sweep has not ended yet.
  if (state.claimed() && state.lease_ends <= now) {
    End(*subscription);
    WakeIfPending(*subscription);
  }
  SubscriptionAnswer answer{.generation = state.generation};
  if (state.claimed()) {
    answer.status = MakeError(ErrorCode::kAlreadyClaimed);
    answer.holder = state.holder;
    return answer;
  }
  if (subscription->pending.empty()) return Refusal(ErrorCode::kNoPendingWork);
  Touch(*subscription);
  // Work whose wake had nowhere to be written to.
  if (!state.woken()) Issue(*subscription);
  ds::Claim(subscription->config, claim.worker, now, state);
  answer.wake_id = state.wake_id;
  answer.generation = state.generation;
  answer.token = tokens_->Make(id, state.generation, now);
  answer.work = PendingWork(*subscription);
  answer.lease_ttl_ms = subscription->config.lease_ttl_ms;
  return answer;
}

absl::StatusOr<SubscriptionEntry*> SubscriptionBook::FindWoken(
    const std::string& id, const SubscriptionCall::WakeReference& wake) {
  // First the token: whether there is such a subscription is not for those without one.
  uint64_t generation = 0;
  absl::Status status = tokens_->Check(wake.token, id, clock_.Now(), generation);
  if (!status.ok()) return status;
  SubscriptionEntry* const subscription = Find(id);
  if (subscription == nullptr) return MakeError(ErrorCode::kSubscriptionNotFound);
  status = CheckWake(subscription->state, generation, wake);
  // A lease that the sweep has not ended yet.
  if (status.ok() && subscription->state.lease_ends <= clock_.Now()) {
    status = MakeError(ErrorCode::kFenced);
  }
  if (!status.ok()) return status;
  return subscription;
}

SubscriptionAnswer SubscriptionBook::ApplyOne(const std::string& id,
                                              const SubscriptionCall::Ack& ack) {
  const absl::StatusOr<SubscriptionEntry*> woken = FindWoken(id, ack.wake);
  if (!woken.ok()) return {.status = woken.status()};
  SubscriptionEntry& subscription = **woken;
  if (subscription.config.type != ack.type) {
    return Refusal(ErrorCode::kInvalidSubscription, "the subscription is of the other type");
  }
  // All of them, or none.
  std::vector<std::pair<std::string, Offset>> acks;
  for (const SubscriptionCall::AckedStream& acked : ack.acks) {
    const auto reject = [&](std::string_view why) {
      return Refusal(ErrorCode::kAckRejected,
                     absl::StrCat(acked.path.text(), ": ", std::string(why)));
    };
    const std::string& path = acked.path;
    const auto link = subscription.links.find(path);
    if (link == subscription.links.end()) return reject("not a stream of this subscription");
    const EntryPtr entry = streams_.FindLive(path);
    if (entry == nullptr) return reject("there is no such stream");
    const std::optional<Offset> offset = Offset::Parse(acked.offset);
    // What is not committed yet cannot have been read.
    const uint64_t tail = entry->tail.load(std::memory_order_acquire);
    const Lineage& lineage = entry->config.lineage;
    uint64_t position = 0;
    if (!offset || !lineage.Resolve(*offset, tail, position).ok()) {
      return reject("not an offset of this stream, or beyond its tail");
    }
    if (position < AckedPosition(link->second.acked, lineage, tail)) {
      return reject("the offset is before the cursor");
    }
    if (IsJson(entry->config.content_type) && position < tail) {
      Chunk chunk;
      if (!reader_.Read({lineage, position, tail, 1, /*json=*/true, false}, chunk).ok()) {
        return reject("the offset lies inside a message");
      }
    }
    acks.emplace_back(path, lineage.OffsetAt(position));
  }
  Touch(subscription);
  // Who calls back has got the webhook.
  if (ack.type == SubscriptionType::kWebhook) NoteDelivered(subscription.state);
  for (const auto& [path, offset] : acks) {
    SetAcked(subscription, path, subscription.links.at(path), offset);
  }
  SubscriptionAnswer answer;
  if (ack.done) {
    End(subscription);
    answer.next_wake = WakeIfPending(subscription);
  } else {
    RenewLease(subscription.config, clock_.Now(), subscription.state);
  }
  return answer;
}

SubscriptionAnswer SubscriptionBook::ApplyOne(const std::string& id,
                                              const SubscriptionCall::Release& release) {
  const absl::StatusOr<SubscriptionEntry*> woken = FindWoken(id, release.wake);
  if (!woken.ok()) return {.status = woken.status()};
  if ((*woken)->config.type != SubscriptionType::kPullWake) {
    return Refusal(ErrorCode::kInvalidSubscription, "only pull-wake subscriptions are released");
  }
  Touch(**woken);
  End(**woken);
  WakeIfPending(**woken);
  return {};
}

SubscriptionAnswer SubscriptionBook::ApplyOne(const std::string&,
                                              const SubscriptionCall::SigningKeys&) {
  return {.keys = keys_->Published(clock_.Now())};
}

SubscriptionAnswer SubscriptionBook::ApplyOne(const std::string&,
                                              const SubscriptionCall::RotateSigningKey&) {
  keys_.emplace(keys_->Rotated(SigningKey::Generate(), clock_.Now()));
  keys_touched_ = true;
  return {.keys = keys_->Published(clock_.Now())};
}

}  // namespace ds

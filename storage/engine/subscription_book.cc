#include "storage/engine/subscription_book.h"

#include <algorithm>

#include "openssl/rand.h"
#include "spdlog/spdlog.h"
#include "storage/engine/registry.h"

namespace ds {
namespace {

std::string RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count));
  return bytes;
}

int64_t ToNanos(absl::Time time) {
  if (time == absl::InfiniteFuture()) return SubscriptionEntry::kNever;
  return time == absl::InfinitePast() ? 0 : absl::ToUnixNanos(time);
}

}  // namespace

SubscriptionBook::SubscriptionBook(Options options, Database& database, Batch& batch,
                                   RecordReader& reader, Streams& streams, Clock& clock,
                                   EngineProbe& probe)
    : policy_(std::move(options.webhooks)),
      limits_(options.limits),
      secrets_(database, std::move(options.secret_keys)),
      database_(database),
      batch_(batch),
      reader_(reader),
      streams_(streams),
      clock_(clock),
      probe_(probe) {}

SubscriptionBook::~SubscriptionBook() = default;

void SubscriptionBook::SetSender(WebhookSender* sender,
                                 UniqueFunction<void(WebhookResultOperation)> report) {
  sender_ = sender;
  report_ = std::make_shared<UniqueFunction<void(WebhookResultOperation)>>(std::move(report));
}

// What is on disk.

absl::Status SubscriptionBook::Load() {
  absl::Status keys = LoadKeys();
  if (keys.ok()) keys = secrets_.Renew();
  if (!keys.ok()) return keys;
  std::vector<std::string> ids;
  const std::unique_ptr<rocksdb::Iterator> it(
      database_.db().NewIterator(rocksdb::ReadOptions(), database_.family(Family::kSubscriptions)));
  const std::string prefix(1, kSubscriptionPrefix);
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    ids.emplace_back(ToView(it->key()).substr(1));
  }
  if (!it->status().ok()) return absl::DataLossError(it->status().ToString());
  for (const std::string& id : ids) {
    const absl::Status loaded = LoadOne(id);
    if (!loaded.ok()) return loaded;
  }
  return absl::OkStatus();
}

absl::Status SubscriptionBook::LoadKeys() {
  const absl::StatusOr<std::optional<std::string>> keys = secrets_.Get(kSigningKeysKey);
  if (!keys.ok()) return keys.status();
  absl::StatusOr<std::optional<std::string>> secret = secrets_.Get(kTokenSecretKey);
  if (!secret.ok()) return secret.status();
  if (!*keys && !*secret) return MakeKeys();
  if (!*keys || !*secret || (*secret)->size() != WakeTokens::kSecretBytes) {
    return absl::DataLossError("the keys of subscriptions cannot be read");
  }
  absl::StatusOr<KeyRing> ring = DecodeSigningKeys(**keys);
  if (!ring.ok()) return ring.status();
  keys_.emplace(*std::move(ring));
  tokens_.emplace(**std::move(secret));
  return absl::OkStatus();
}

absl::Status SubscriptionBook::MakeKeys() {
  keys_.emplace(std::vector<KeyRing::Entry>{{SigningKey::Generate()}});
  std::string secret = RandomBytes(WakeTokens::kSecretBytes);
  rocksdb::WriteBatch writes;
  secrets_.Put(writes, kSigningKeysKey, EncodeSigningKeys(*keys_));
  secrets_.Put(writes, kTokenSecretKey, secret);
  tokens_.emplace(std::move(secret));
  const rocksdb::Status written = database_.Write(writes);
  if (written.ok()) return absl::OkStatus();
  return absl::DataLossError("the keys of subscriptions cannot be written: " + written.ToString());
}

absl::Status SubscriptionBook::LoadOne(const std::string& id) {
  std::string value;
  const rocksdb::Status status = database_.Get(Family::kSubscriptions, SubscriptionKey(id), &value);
  if (status.IsNotFound()) return absl::OkStatus();
  auto subscription = std::make_unique<SubscriptionEntry>();
  bool deleted = false;
  if (!status.ok() || !DecodeSubscription(value, *subscription, deleted)) {
    return absl::DataLossError("a subscription cannot be read: " + status.ToString());
  }
  if (deleted) return absl::OkStatus();
  subscription->id = id;
  const absl::Status loaded = LoadLinks(*subscription);
  if (loaded.ok()) Enter(std::move(subscription));
  return loaded;
}

absl::Status SubscriptionBook::LoadLinks(SubscriptionEntry& subscription) {
  const std::string prefix = LinkKeyPrefix(subscription.id);
  const std::unique_ptr<rocksdb::Iterator> it(
      database_.db().NewIterator(rocksdb::ReadOptions(), database_.family(Family::kSubscriptions)));
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    const std::string path(LinkKeyPath(ToView(it->key()), prefix));
    LinkState& link = subscription.links[path];
    if (!DecodeLink(ToView(it->value()), link)) {
      return absl::DataLossError("a link of a subscription cannot be read");
    }
    if (!subscription.state.idle()) CheckPending(subscription, path, link);
  }
  return it->status().ok() ? absl::OkStatus() : absl::DataLossError(it->status().ToString());
}

void SubscriptionBook::Enter(SubscriptionPtr subscription) {
  SubscriptionEntry* const entered = subscription.get();
  for (const auto& [path, link] : entered->links) by_stream_[path].push_back(entered);
  if (!entered->config.pattern.empty()) patterns_.Add(entered->config.pattern, entered);
  if (!entered->config.wake_stream.empty()) {
    by_wake_stream_[entered->config.wake_stream].push_back(entered);
  }
  subscriptions_[entered->id] = std::move(subscription);
  count_ = subscriptions_.size();
  Schedule(*entered);
}

void SubscriptionBook::Remove(const std::string& id) {
  const auto it = subscriptions_.find(id);
  if (it == subscriptions_.end()) return;
  SubscriptionEntry* const removed = it->second.get();
  const auto take_out = [removed](auto& index, const std::string& key) {
    const auto found = index.find(key);
    if (found == index.end()) return;
    std::erase(found->second, removed);
    if (found->second.empty()) index.erase(found);
  };
  for (const auto& [path, link] : removed->links) take_out(by_stream_, path);
  take_out(by_wake_stream_, removed->config.wake_stream);
  if (!removed->config.pattern.empty()) patterns_.Remove(removed->config.pattern, removed);
  timers_.erase({removed->timer, removed});
  subscriptions_.erase(it);
  count_ = subscriptions_.size();
}

// The batch.

void SubscriptionBook::Touch(SubscriptionEntry& subscription) { touched_.insert(subscription.id); }

void SubscriptionBook::Seal() {
  for (const std::string& id : touched_) {
    SubscriptionEntry* const subscription = Find(id);
    if (subscription == nullptr) continue;  // deleted by this batch, which has put that
    batch_.writes().Put(database_.family(Family::kSubscriptions), SubscriptionKey(id),
                        EncodeSubscription(*subscription));
    Schedule(*subscription);
  }
  if (keys_touched_) {
    secrets_.Put(batch_.writes(), kSigningKeysKey, EncodeSigningKeys(*keys_));
  }
}

void SubscriptionBook::Publish() {
  touched_.clear();
  keys_touched_ = false;
  std::vector<Delivery> deliveries;
  deliveries.swap(deliveries_);
  for (const Delivery& delivery : deliveries) {
    SubscriptionEntry* const subscription = Find(delivery.id);
    if (subscription == nullptr || !subscription->state.woken() ||
        subscription->state.generation != delivery.generation) {
      continue;
    }
    Send(*subscription);
  }
}

void SubscriptionBook::Rollback() {
  std::set<std::string> touched;
  touched.swap(touched_);
  deliveries_.clear();
  for (const std::string& id : touched) {
    Remove(id);
    const absl::Status loaded = LoadOne(id);
    if (!loaded.ok()) spdlog::critical("storage: {}", std::string(loaded.message()));
  }
  if (std::exchange(keys_touched_, false)) {
    const absl::Status loaded = LoadKeys();
    if (!loaded.ok()) spdlog::critical("storage: {}", std::string(loaded.message()));
  }
}

void SubscriptionBook::Schedule(SubscriptionEntry& subscription) {
  const SubscriptionState& state = subscription.state;
  absl::Time next = state.lease_ends;
  if (!subscription.attempting) {
    next = std::min(next, NextDelivery(subscription.config, state));
    const bool waits_for_attempt =
        state.due && subscription.config.type == SubscriptionType::kWebhook;
    if (waits_for_attempt) next = std::min(next, state.next_attempt);
  }
  const int64_t timer = ToNanos(next);
  if (timer == subscription.timer) return;
  timers_.erase({subscription.timer, &subscription});
  subscription.timer = timer;
  if (timer != SubscriptionEntry::kNever) timers_.insert({timer, &subscription});
}

void SubscriptionBook::PutLink(const SubscriptionEntry& subscription, const std::string& path,
                               const LinkState& link) {
  batch_.writes().Put(database_.family(Family::kSubscriptions), LinkKey(subscription.id, path),
                      EncodeLink(link));
}

// Streams.

void SubscriptionBook::Link(SubscriptionEntry& subscription, const std::string& path,
                            const StreamEntry* entry, bool by_pattern) {
  const auto [it, added] = subscription.links.try_emplace(path);
  LinkState& link = it->second;
  bool& how = by_pattern ? link.by_pattern : link.by_request;
  if (!added && how) return;
  how = true;
  if (added) {
    if (entry != nullptr) link.acked = entry->config.lineage.OffsetAt(entry->state.tail);
    by_stream_[path].push_back(&subscription);
  }
  Touch(subscription);
  PutLink(subscription, path, link);
}

void SubscriptionBook::Unlink(SubscriptionEntry& subscription, const std::string& path) {
  Touch(subscription);
  subscription.links.erase(path);
  subscription.pending.erase(path);
  const auto it = by_stream_.find(path);
  std::erase(it->second, &subscription);
  if (it->second.empty()) by_stream_.erase(it);
  batch_.writes().Delete(database_.family(Family::kSubscriptions), LinkKey(subscription.id, path));
}

void SubscriptionBook::LinkMatches(SubscriptionEntry& subscription,
                                   const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (path == kRegistryPath || path == subscription.config.wake_stream) continue;
    const EntryPtr entry = streams_.FindLive(path);
    if (entry != nullptr) Link(subscription, path, entry.get(), /*by_pattern=*/true);
  }
}

void SubscriptionBook::NoteCreated(const std::string& path) {
  std::erase_if(searches_, [&](const std::weak_ptr<PatternSearch>& noted) {
    const std::shared_ptr<PatternSearch> search = noted.lock();
    if (search != nullptr && search->pattern.Matches(path)) search->created.push_back(path);
    return search == nullptr;
  });
}

void SubscriptionBook::OnCreated(const StreamEntry& entry) {
  if (!searches_.empty()) NoteCreated(entry.path);
  if (subscriptions_.empty()) return;
  const std::string& path = entry.path;
  const uint64_t base = entry.config.lineage.base();
  // Of a fork, what it inherits is not news.
  const std::optional<Offset> begin =
      base > 0 ? std::optional<Offset>(entry.config.lineage.OffsetAt(base)) : std::nullopt;
  if (const auto linked = by_stream_.find(path); linked != by_stream_.end()) {
    for (SubscriptionEntry* const subscription : linked->second) {
      LinkState& link = subscription->links[path];
      link.acked = begin;
      Touch(*subscription);
      PutLink(*subscription, path, link);
    }
  }
  if (path != kRegistryPath) {
    for (void* const value : patterns_.Find(path)) {
      SubscriptionEntry& subscription = *static_cast<SubscriptionEntry*>(value);
      if (path == subscription.config.wake_stream) continue;
      const bool known = subscription.links.contains(path);
      Link(subscription, path, nullptr, /*by_pattern=*/true);
      if (known || !begin) continue;
      LinkState& link = subscription.links[path];
      link.acked = begin;
      PutLink(subscription, path, link);
    }
  }
  if (const auto waiting = by_wake_stream_.find(path); waiting != by_wake_stream_.end()) {
    for (SubscriptionEntry* const subscription : waiting->second) {
      if (subscription->state.due) WakeIfPending(*subscription);
    }
  }
}

void SubscriptionBook::NotePending(const StreamEntry& entry) {
  const auto linked = by_stream_.find(entry.path);
  if (linked == by_stream_.end()) return;
  for (SubscriptionEntry* const subscription : linked->second) {
    subscription->pending.insert(entry.path);
    if (subscription->state.idle()) WakeIfPending(*subscription);
  }
}

void SubscriptionBook::OnRemoved(const StreamEntry& entry) {
  const auto found = by_stream_.find(entry.path);
  if (found == by_stream_.end()) return;
  const std::vector<SubscriptionEntry*> linked = found->second;
  for (SubscriptionEntry* const subscription : linked) {
    LinkState& link = subscription->links[entry.path];
    if (!link.by_request) {
      Unlink(*subscription, entry.path);
      continue;
    }
    // What was asked for by name stays, for a stream that may come.
    Touch(*subscription);
    link.by_pattern = false;
    link.acked.reset();
    subscription->pending.erase(entry.path);
    PutLink(*subscription, entry.path, link);
  }
}

void SubscriptionBook::CheckPending(SubscriptionEntry& subscription, const std::string& path,
                                    const LinkState& link) {
  const EntryPtr entry = streams_.FindLive(path);
  const bool pending = entry != nullptr && AckedPosition(link.acked, entry->config.lineage,
                                                         entry->state.tail) < entry->state.tail;
  if (pending) {
    subscription.pending.insert(path);
  } else {
    subscription.pending.erase(path);
  }
}

void SubscriptionBook::SetAcked(SubscriptionEntry& subscription, const std::string& path,
                                LinkState& link, const Offset& offset) {
  link.acked = offset;
  PutLink(subscription, path, link);
  CheckPending(subscription, path, link);
}

SubscriptionEntry* SubscriptionBook::Find(const std::string& id) {
  const auto it = subscriptions_.find(id);
  return it == subscriptions_.end() ? nullptr : it->second.get();
}

}  // namespace ds

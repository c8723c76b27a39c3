#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/base64url.h"
#include "base/limited_log.h"
#include "base/percent_encode.h"
#include "nlohmann/json.hpp"
#include "openssl/rand.h"
#include "storage/core/content_type.h"
#include "storage/engine/subscription_book.h"

// Wakes and their delivery: sections 7.1 and 7.2.

namespace ds {
namespace {

// Streams that one wake tells of; what is left is told of by the next.
constexpr size_t kMaxWorkStreams = 1000;
constexpr absl::Duration kMaxWebhookTime = absl::Seconds(30);

std::string NewWakeId() {
  unsigned char bytes[12];
  RAND_bytes(bytes, sizeof bytes);
  return "w_" + Base64Url(std::string_view(reinterpret_cast<const char*>(bytes), sizeof bytes));
}

std::string AckedText(const std::optional<Offset>& acked) {
  return acked ? acked->ToString() : "-1";
}

std::string ToJson(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

bool SubscriptionBook::WakeIfPending(SubscriptionEntry& subscription) {
  SubscriptionState& state = subscription.state;
  const bool is_webhook = subscription.config.type == SubscriptionType::kWebhook;
  Touch(subscription);
  state.due = !subscription.pending.empty();
  if (!state.due) return false;
  if (is_webhook) {
    if (state.next_attempt > clock_.Now()) return false;
    Issue(subscription);
    Attempt(subscription);
    return true;
  }
  const EntryPtr wake_stream = streams_.FindLive(subscription.config.wake_stream);
  if (wake_stream == nullptr || wake_stream->state.closed) {
    static LogLimit limit;
    LogLimited(limit, spdlog::level::warn,
               "subscription {}: its wake stream is not there or closed", subscription.id);
    return false;
  }
  Issue(subscription);
  WriteWakeEvent(subscription, wake_stream);
  return true;
}

void SubscriptionBook::WriteWakeEvent(const SubscriptionEntry& subscription,
                                      const EntryPtr& wake_stream) {
  nlohmann::ordered_json event;
  event["type"] = "wake";
  event["subscription_id"] = subscription.id;
  event["stream"] = *subscription.pending.begin();
  event["generation"] = subscription.state.generation;
  event["ts"] = absl::ToUnixMillis(clock_.Wall());
  std::string message = ToJson(event);
  if (!IsJson(wake_stream->config.content_type)) message.push_back('\n');
  streams_.AppendMessage(wake_stream, std::move(message));
}

void SubscriptionBook::Issue(SubscriptionEntry& subscription) {
  const bool is_webhook = subscription.config.type == SubscriptionType::kWebhook;
  (is_webhook ? probe_.webhook_wakes : probe_.pull_wakes).Increment();
  IssueWake(subscription.config, NewWakeId(), clock_.Now(), subscription.state);
}

void SubscriptionBook::End(SubscriptionEntry& subscription) {
  EndWake(subscription.state);
  // If a webhook is on its way still, what becomes of it no longer matters.
  subscription.attempting = false;
}

void SubscriptionBook::CountFailure(SubscriptionEntry& subscription) {
  NoteFailed(std::uniform_real_distribution<double>(-1, 1)(random_), clock_.Now(),
             subscription.state);
}

void SubscriptionBook::Attempt(SubscriptionEntry& subscription) {
  if (subscription.state.failures > 0) probe_.webhook_retries.Increment();
  subscription.attempting = true;
  deliveries_.push_back({subscription.id, subscription.state.generation});
}

void SubscriptionBook::Send(SubscriptionEntry& subscription) {
  WebhookResultOperation result{.id = subscription.id,
                                .generation = subscription.state.generation,
                                .wake_id = subscription.state.wake_id};
  nlohmann::ordered_json body;
  body["subscription_id"] = subscription.id;
  body["wake_id"] = subscription.state.wake_id;
  body["generation"] = subscription.state.generation;
  body["streams"] = nlohmann::ordered_json::array();
  for (const SubscriptionLink& link : PendingWork(subscription)) {
    body["streams"].push_back({{"path", link.path},
                               {"link_type", link.is_explicit ? "explicit" : "glob"},
                               {"acked_offset", AckedText(link.acked)},
                               {"tail_offset", link.tail.ToString()},
                               {"has_pending", link.pending}});
    result.snapshot.emplace_back(link.path, link.tail);
  }
  body["callback_url"] = absl::StrCat(subscription.base_url, "__ds/subscriptions/",
                                      PercentEncode(subscription.id), "/callback");
  body["callback_token"] =
      tokens_->Make(subscription.id, subscription.state.generation, clock_.Now());

  WebhookRequest request;
  request.url = subscription.config.webhook_url;
  request.body = ToJson(body);
  request.signature = keys_->current().SignWebhook(request.body, clock_.Wall());
  request.timeout = std::min(
      kMaxWebhookTime, absl::Milliseconds(static_cast<int64_t>(subscription.config.lease_ttl_ms)));
  if (sender_ == nullptr) return;
  sender_->Send(std::move(request),
                [report = report_, result = std::move(result)](WebhookResponse response) mutable {
                  result.response = std::move(response);
                  (*report)(std::move(result));
                });
}

void SubscriptionBook::Apply(const WebhookResultOperation& result) {
  SubscriptionEntry* const subscription = Find(result.id);
  (result.response.taken ? probe_.webhooks_taken : probe_.webhooks_failed).Increment();
  // A wake whose lease has ended meanwhile counted as failed then.
  if (subscription == nullptr || subscription->state.generation != result.generation ||
      subscription->state.wake_id != result.wake_id) {
    return;
  }
  Touch(*subscription);
  subscription->attempting = false;
  if (!result.response.taken) {
    if (subscription->state.delivered) return;  // it has called back meanwhile
    CountFailure(*subscription);
    static LogLimit limit;
    LogLimited(limit, spdlog::level::warn, "subscription {}: a webhook failed ({} in a row): {}",
               subscription->id, subscription->state.failures, result.response.failure);
    return;
  }
  NoteDelivered(subscription->state);
  if (!result.response.done) return;
  for (const auto& [path, tail] : result.snapshot) {
    const auto it = subscription->links.find(path);
    if (it == subscription->links.end()) continue;
    const EntryPtr entry = streams_.FindLive(path);
    uint64_t position;
    if (entry == nullptr ||
        !entry->config.lineage.Resolve(tail, entry->state.tail, position).ok() ||
        position < AckedPosition(it->second.acked, entry->config.lineage, entry->state.tail)) {
      continue;
    }
    SetAcked(*subscription, path, it->second, tail);
  }
  End(*subscription);
  WakeIfPending(*subscription);
}

void SubscriptionBook::OnTime() {
  const absl::Time now = clock_.Now();
  const int64_t now_nanos = absl::ToUnixNanos(now);
  std::vector<SubscriptionEntry*> due;
  for (const auto& [nanos, subscription] : timers_) {
    if (nanos > now_nanos) break;
    due.push_back(subscription);
  }
  for (SubscriptionEntry* const subscription : due) {
    SubscriptionState& state = subscription->state;
    Touch(*subscription);
    if (state.lease_ends <= now) {
      probe_.leases_expired.Increment();
      if (subscription->attempting && !state.delivered) {
        CountFailure(*subscription);
      }
      End(*subscription);
      WakeIfPending(*subscription);
    } else if (NextDelivery(subscription->config, state) <= now && !subscription->attempting) {
      Attempt(*subscription);
    } else if (state.due && !state.woken()) {
      WakeIfPending(*subscription);
    }
  }
}

std::vector<SubscriptionLink> SubscriptionBook::PendingWork(const SubscriptionEntry& subscription) {
  std::vector<SubscriptionLink> work;
  for (const std::string& path : subscription.pending) {
    if (work.size() == kMaxWorkStreams) break;
    const EntryPtr entry = streams_.FindLive(path);
    if (entry == nullptr) continue;
    const LinkState& link = subscription.links.at(path);
    work.push_back({.path = path,
                    .is_explicit = link.by_request,
                    .acked = link.acked,
                    .tail = entry->config.lineage.OffsetAt(entry->state.tail),
                    .pending = true});
  }
  return work;
}

}  // namespace ds

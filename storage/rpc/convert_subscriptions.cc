#include "storage/rpc/convert_subscriptions.h"

#include <utility>

#include "storage/api/errors.h"

namespace ds::rpc {
namespace {

namespace pb = durablestreams::v1;
using Request = pb::SubscriptionsRequest;

pb::SubscriptionConfig::Type ToProto(SubscriptionType type) {
  return type == SubscriptionType::kWebhook ? pb::SubscriptionConfig::TYPE_WEBHOOK
                                            : pb::SubscriptionConfig::TYPE_PULL_WAKE;
}

SubscriptionType FromProto(pb::SubscriptionConfig::Type type) {
  return type == pb::SubscriptionConfig::TYPE_PULL_WAKE ? SubscriptionType::kPullWake
                                                        : SubscriptionType::kWebhook;
}

void Set(const SubscriptionConfig& in, pb::SubscriptionConfig& out) {
  out.set_type(ToProto(in.type));
  out.set_pattern(in.pattern);
  out.mutable_streams()->Add(in.streams.begin(), in.streams.end());
  out.set_webhook_url(in.webhook_url);
  out.set_wake_stream(in.wake_stream);
  out.set_lease_ttl_ms(in.lease_ttl_ms);
  if (in.description) out.set_description(*in.description);
}

SubscriptionConfig Get(const pb::SubscriptionConfig& in) {
  SubscriptionConfig out{.type = FromProto(in.type()),
                         .pattern = in.pattern(),
                         .streams = {in.streams().begin(), in.streams().end()},
                         .webhook_url = in.webhook_url(),
                         .wake_stream = in.wake_stream(),
                         .lease_ttl_ms = in.lease_ttl_ms()};
  if (in.has_description()) out.description = in.description();
  return out;
}

void Set(const SubscriptionLink& in, pb::SubscriptionLink& out) {
  out.set_path(in.path);
  out.set_is_explicit(in.is_explicit);
  if (in.acked) out.set_acked(in.acked->ToString());
  out.set_tail(in.tail.ToString());
  out.set_pending(in.pending);
}

SubscriptionLink Get(const pb::SubscriptionLink& in) {
  return {.path = in.path(),
          .is_explicit = in.is_explicit(),
          .acked = Offset::Parse(in.acked()),
          .tail = Offset::Parse(in.tail()).value_or(Offset{}),
          .pending = in.pending()};
}

void Set(const SubscriptionCall::WakeReference& in, Request::WakeReference& out) {
  out.set_token(in.token);
  out.set_wake_id(in.wake_id);
  out.set_generation(in.generation);
}

SubscriptionCall::WakeReference Get(const Request::WakeReference& in) {
  return {in.token(), in.wake_id(), in.generation()};
}

// One for each operation: puts it into the request.
struct Setter {
  Request& out;

  void operator()(const SubscriptionCall::Put& in) const {
    Set(in.config, *out.mutable_put()->mutable_config());
    out.mutable_put()->set_base_url(in.base_url);
  }
  void operator()(const SubscriptionCall::Get&) const { out.mutable_get(); }
  void operator()(const SubscriptionCall::Delete&) const { out.mutable_delete_(); }
  void operator()(const SubscriptionCall::AddStreams& in) const {
    out.mutable_add_streams()->mutable_paths()->Add(in.paths.begin(), in.paths.end());
  }
  void operator()(const SubscriptionCall::RemoveStream& in) const {
    out.mutable_remove_stream()->set_path(in.path);
  }
  void operator()(const SubscriptionCall::Claim& in) const {
    out.mutable_claim()->set_worker(in.worker);
  }
  void operator()(const SubscriptionCall::Ack& in) const {
    Request::Ack& ack = *out.mutable_ack();
    ack.set_type(ToProto(in.type));
    Set(in.wake, *ack.mutable_wake());
    for (const SubscriptionCall::AckedStream& acked : in.acks) {
      Request::AckedStream& stream = *ack.add_acks();
      stream.set_path(acked.path);
      stream.set_offset(acked.offset);
    }
    ack.set_done(in.done);
  }
  void operator()(const SubscriptionCall::Release& in) const {
    Set(in.wake, *out.mutable_release()->mutable_wake());
  }
  void operator()(const SubscriptionCall::SigningKeys&) const { out.mutable_signing_keys(); }
  void operator()(const SubscriptionCall::RotateSigningKey&) const {
    out.mutable_rotate_signing_key();
  }
};

SubscriptionCall::Ack GetAck(const Request::Ack& in) {
  SubscriptionCall::Ack ack{
      .type = FromProto(in.type()), .wake = Get(in.wake()), .done = in.done()};
  for (const Request::AckedStream& stream : in.acks()) {
    ack.acks.push_back({stream.path(), stream.offset()});
  }
  return ack;
}

}  // namespace

Request ToProto(const SubscriptionCall& in) {
  Request out;
  out.set_id(in.id);
  std::visit(Setter{out}, in.operation);
  return out;
}

absl::Status FromProto(const Request& in, SubscriptionCall& out) {
  out.id = in.id();
  switch (in.operation_case()) {
    case Request::kPut:
      out.operation = SubscriptionCall::Put{Get(in.put().config()), in.put().base_url()};
      break;
    case Request::kGet:
      out.operation = SubscriptionCall::Get{};
      break;
    case Request::kDelete:
      out.operation = SubscriptionCall::Delete{};
      break;
    case Request::kAddStreams:
      out.operation = SubscriptionCall::AddStreams{
          {in.add_streams().paths().begin(), in.add_streams().paths().end()}};
      break;
    case Request::kRemoveStream:
      out.operation = SubscriptionCall::RemoveStream{in.remove_stream().path()};
      break;
    case Request::kClaim:
      out.operation = SubscriptionCall::Claim{in.claim().worker()};
      break;
    case Request::kAck:
      out.operation = GetAck(in.ack());
      break;
    case Request::kRelease:
      out.operation = SubscriptionCall::Release{Get(in.release().wake())};
      break;
    case Request::kSigningKeys:
      out.operation = SubscriptionCall::SigningKeys{};
      break;
    case Request::kRotateSigningKey:
      out.operation = SubscriptionCall::RotateSigningKey{};
      break;
    case Request::OPERATION_NOT_SET:
      return MakeError(ErrorCode::kBadRequest, "an operation of an unknown kind");
  }
  return absl::OkStatus();
}

pb::SubscriptionsResponse ToProto(const SubscriptionAnswer& in) {
  pb::SubscriptionsResponse out;
  out.set_created(in.created);
  if (!in.info.id.empty()) {
    pb::SubscriptionInfo& info = *out.mutable_info();
    info.set_id(in.info.id);
    Set(in.info.config, *info.mutable_config());
    info.set_base_url(in.info.base_url);
    const int64_t nanos = absl::ToUnixNanos(in.info.created_at);
    info.mutable_created_at()->set_seconds(nanos / 1'000'000'000);
    info.mutable_created_at()->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
    info.set_failed(in.info.failed);
    for (const SubscriptionLink& link : in.info.links) Set(link, *info.add_links());
    info.set_signing_key_id(in.info.signing_key_id);
  }
  out.set_wake_id(in.wake_id);
  out.set_generation(in.generation);
  out.set_token(in.token);
  out.set_holder(in.holder);
  for (const SubscriptionLink& link : in.work) Set(link, *out.add_work());
  out.set_lease_ttl_ms(in.lease_ttl_ms);
  out.set_next_wake(in.next_wake);
  for (const PublicKey& key : in.keys) {
    pb::PublicKey& published = *out.add_keys();
    published.set_id(key.id);
    published.set_bytes(key.bytes);
  }
  return out;
}

SubscriptionAnswer FromProto(const pb::SubscriptionsResponse& in) {
  SubscriptionAnswer out;
  out.created = in.created();
  if (in.has_info()) {
    out.info = {.id = in.info().id(),
                .config = Get(in.info().config()),
                .base_url = in.info().base_url(),
                .created_at = absl::FromUnixSeconds(in.info().created_at().seconds()) +
                              absl::Nanoseconds(in.info().created_at().nanos()),
                .failed = in.info().failed(),
                .signing_key_id = in.info().signing_key_id()};
    for (const pb::SubscriptionLink& link : in.info().links()) out.info.links.push_back(Get(link));
  }
  out.wake_id = in.wake_id();
  out.generation = in.generation();
  out.token = in.token();
  out.holder = in.holder();
  for (const pb::SubscriptionLink& link : in.work()) out.work.push_back(Get(link));
  out.lease_ttl_ms = in.lease_ttl_ms();
  out.next_wake = in.next_wake();
  for (const pb::PublicKey& key : in.keys()) out.keys.push_back({key.id(), key.bytes()});
  return out;
}

}  // namespace ds::rpc

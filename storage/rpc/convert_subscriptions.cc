#include "storage/rpc/convert_subscriptions.h"

#include <string>
#include <utility>
#include <vector>

#include "storage/api/errors.h"
#include "storage/core/request_checks.h"
#include "storage/rpc/convert.h"

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
  out.set_pattern(in.pattern.text());
  for (const StreamPath& path : in.streams) out.add_streams(path.text());
  out.set_webhook_url(in.webhook_url);
  out.set_wake_stream(in.wake_stream.text());
  out.set_lease_ttl_ms(in.lease_ttl_ms);
  if (in.description) out.set_description(*in.description);
}

// What a storage answers.
SubscriptionConfig Get(const pb::SubscriptionConfig& in) {
  SubscriptionConfig out{.type = FromProto(in.type()),
                         .pattern = PathPattern::FromStore(in.pattern(), /*parts=*/true),
                         .webhook_url = in.webhook_url(),
                         .wake_stream = StreamPath::FromStore(in.wake_stream()),
                         .lease_ttl_ms = in.lease_ttl_ms()};
  for (const std::string& path : in.streams()) out.streams.push_back(StreamPath::FromStore(path));
  if (in.has_description()) out.description = in.description();
  return out;
}

// What a client asks for.
template <typename Paths>
absl::Status TakePaths(const Paths& in, std::vector<StreamPath>& out) {
  for (std::string path : in) {
    const absl::Status status = TakePath(&path, out.emplace_back());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Take(const pb::SubscriptionConfig& in, SubscriptionConfig& out) {
  out.type = FromProto(in.type());
  out.webhook_url = in.webhook_url();
  out.lease_ttl_ms = in.lease_ttl_ms();
  if (in.has_description()) out.description = in.description();
  absl::Status status;
  std::string text = in.pattern();
  if (!text.empty()) status = TakePattern(&text, out.pattern);
  text = in.wake_stream();
  if (status.ok() && !text.empty()) status = TakePath(&text, out.wake_stream);
  if (status.ok()) status = TakePaths(in.streams(), out.streams);
  return status;
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
    out.mutable_put()->set_base_url_is_configured(in.base_url_is_configured);
  }
  void operator()(const SubscriptionCall::Get&) const { out.mutable_get(); }
  void operator()(const SubscriptionCall::Delete&) const { out.mutable_delete_(); }
  void operator()(const SubscriptionCall::AddStreams& in) const {
    out.mutable_add_streams();
    for (const StreamPath& path : in.paths) out.mutable_add_streams()->add_paths(path.text());
  }
  void operator()(const SubscriptionCall::RemoveStream& in) const {
    out.mutable_remove_stream()->set_path(in.path.text());
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
      stream.set_path(acked.path.text());
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

absl::Status Take(const Request::Ack& in, SubscriptionCall::Ack& out) {
  out = {.type = FromProto(in.type()), .wake = Get(in.wake()), .done = in.done()};
  for (const Request::AckedStream& stream : in.acks()) {
    SubscriptionCall::AckedStream& acked = out.acks.emplace_back();
    std::string path = stream.path();
    const absl::Status status = TakePath(&path, acked.path);
    if (!status.ok()) return status;
    acked.offset = stream.offset();
  }
  return absl::OkStatus();
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
  absl::Status status;
  switch (in.operation_case()) {
    case Request::kPut: {
      auto& put = out.operation.emplace<SubscriptionCall::Put>();
      put.base_url = in.put().base_url();
      put.base_url_is_configured = in.put().base_url_is_configured();
      status = Take(in.put().config(), put.config);
      break;
    }
    case Request::kGet:
      out.operation = SubscriptionCall::Get{};
      break;
    case Request::kDelete:
      out.operation = SubscriptionCall::Delete{};
      break;
    case Request::kAddStreams:
      status = TakePaths(in.add_streams().paths(),
                         out.operation.emplace<SubscriptionCall::AddStreams>().paths);
      break;
    case Request::kRemoveStream: {
      std::string path = in.remove_stream().path();
      status = TakePath(&path, out.operation.emplace<SubscriptionCall::RemoveStream>().path);
      break;
    }
    case Request::kClaim:
      out.operation = SubscriptionCall::Claim{in.claim().worker()};
      break;
    case Request::kAck:
      status = Take(in.ack(), out.operation.emplace<SubscriptionCall::Ack>());
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
  return status.ok() ? CheckRequest(out) : status;
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

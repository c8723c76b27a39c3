#include "storage/rpc/convert.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "storage/api/errors.h"
#include "storage/core/request_checks.h"

namespace ds::rpc {
namespace {

void SetTime(absl::Time time, google::protobuf::Timestamp& out) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  out.set_seconds(seconds);
  out.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

// A timestamp that is none gives a time outside the years that are (see CheckRequest).
absl::Time GetTime(const google::protobuf::Timestamp& in) {
  return absl::FromUnixSeconds(in.seconds()) + absl::Nanoseconds(in.nanos());
}

// Of one piece: what a client may have the storage hold for it at once.
constexpr uint64_t kMaxReadBytes = 64u << 20;
constexpr uint32_t kMaxPageSize = 1'000;

absl::Status Bad(std::string_view what) { return MakeError(ErrorCode::kInvalidOffset, what); }

// Offsets from a peer of the same deployment; what is none becomes the beginning.
Offset TrustedOffset(const std::string& text) { return Offset::Parse(text).value_or(Offset{}); }

Lifetime GetLifetime(const pb::Lifetime& in) {
  Lifetime out;
  if (in.has_ttl_seconds()) out.ttl_seconds = in.ttl_seconds();
  if (in.has_expires_at()) {
    out.expires_at = GetTime(in.expires_at());
    out.expires_at_text = in.expires_at_text();
    if (out.expires_at_text.empty()) {
      out.expires_at_text =
          absl::FormatTime(absl::RFC3339_full, *out.expires_at, absl::UTCTimeZone());
    }
  }
  return out;
}

// The data of a response, moved out of it; nullptr when there is none.
template <typename Message>
ChunkPtr TakeChunk(Message& in) {
  if (in.data().empty()) return nullptr;
  auto chunk = std::make_shared<Chunk>();
  chunk->data = std::move(*in.mutable_data());
  chunk->message_sizes.assign(in.message_sizes().begin(), in.message_sizes().end());
  return chunk;
}

void SetLifetime(const Lifetime& in, pb::Lifetime& out) {
  if (in.ttl_seconds) out.set_ttl_seconds(*in.ttl_seconds);
  if (in.expires_at) {
    SetTime(*in.expires_at, *out.mutable_expires_at());
    out.set_expires_at_text(in.expires_at_text);
  }
}

absl::Status GetTags(const pb::VersionTags& in, VersionTags& out) {
  out.any = in.any();
  for (const pb::VersionTag& tag : in.tags()) {
    const std::optional<Offset> tail = Offset::Parse(tag.tail());
    if (!tail) return Bad("malformed offset of a condition");
    VersionTag& added = out.tags.emplace_back(VersionTag{tag.stream_id(), *tail, {}});
    if (tag.has_closed()) added.closed = tag.closed();
  }
  return absl::OkStatus();
}

template <typename Request>
absl::Status GetCondition(const Request& in, ConditionPtr& out) {
  if (!in.has_condition()) return absl::OkStatus();
  auto condition = std::make_shared<WriteCondition>();
  absl::Status status;
  if (in.condition().has_match()) {
    status = GetTags(in.condition().match(), condition->match.emplace());
  }
  if (status.ok() && in.condition().has_none_match()) {
    status = GetTags(in.condition().none_match(), condition->none_match.emplace());
  }
  out = std::move(condition);
  return status;
}

void SetTags(const VersionTags& in, pb::VersionTags& out) {
  out.set_any(in.any);
  for (const VersionTag& tag : in.tags) {
    pb::VersionTag& added = *out.add_tags();
    added.set_stream_id(tag.stream_id);
    added.set_tail(tag.tail.ToString());
    if (tag.closed) added.set_closed(*tag.closed);
  }
}

template <typename Request>
void SetCondition(const ConditionPtr& in, Request& out) {
  if (in == nullptr) return;
  pb::WriteCondition& condition = *out.mutable_condition();
  if (in->match) SetTags(*in->match, *condition.mutable_match());
  if (in->none_match) SetTags(*in->none_match, *condition.mutable_none_match());
}

}  // namespace

absl::Status TakePath(std::string* in, StreamPath& out) {
  absl::StatusOr<StreamPath> path = StreamPath::Parse(std::move(*in));
  if (!path.ok()) return path.status();
  out = *std::move(path);
  return absl::OkStatus();
}

absl::Status TakePattern(std::string* in, PathPattern& out) {
  absl::StatusOr<PathPattern> pattern = PathPattern::Parse(std::move(*in));
  if (!pattern.ok()) return pattern.status();
  out = *std::move(pattern);
  return absl::OkStatus();
}

absl::Status FromProto(pb::CreateRequest&& in, uint64_t max_body, CreateRequest& out) {
  if (in.body().size() > max_body) return MakeError(ErrorCode::kPayloadTooLarge);
  absl::Status status = TakePath(in.mutable_path(), out.path);
  if (!status.ok()) return status;
  out.content_type = std::move(*in.mutable_content_type());
  out.lifetime = GetLifetime(in.lifetime());
  out.body = std::move(*in.mutable_body());
  out.closed = in.closed();
  if (in.has_fork()) {
    ForkPoint fork{.sub_offset = in.fork().sub_offset()};
    status = TakePath(in.mutable_fork()->mutable_source_path(), fork.source_path);
    if (!status.ok()) return status;
    if (!in.fork().offset().empty()) {
      fork.offset = Offset::Parse(in.fork().offset());
      if (!fork.offset) return Bad("malformed fork offset");
    }
    out.fork = std::move(fork);
  }
  status = GetCondition(in, out.condition);
  return status.ok() ? CheckRequest(out) : status;
}

absl::Status FromProto(pb::AppendRequest&& in, uint64_t max_body, AppendRequest& out) {
  if (in.body().size() > max_body) return MakeError(ErrorCode::kPayloadTooLarge);
  absl::Status status = TakePath(in.mutable_path(), out.path);
  if (!status.ok()) return status;
  out.content_type = std::move(*in.mutable_content_type());
  out.body = std::move(*in.mutable_body());
  if (in.has_stream_seq()) out.stream_seq = std::move(*in.mutable_stream_seq());
  if (in.has_producer()) {
    pb::Producer& producer = *in.mutable_producer();
    out.producer = ProducerTag{std::move(*producer.mutable_id()), producer.epoch(), producer.seq()};
  }
  out.close = in.close();
  status = GetCondition(in, out.condition);
  return status.ok() ? CheckRequest(out) : status;
}

absl::Status FromProto(const pb::Position& in, ReadRequest& out) {
  out.from = ReadRequest::From::kBeginning;
  if (in.from_case() == pb::Position::kNow) out.from = ReadRequest::From::kNow;
  if (in.from_case() == pb::Position::kOffset) {
    const std::optional<Offset> offset = Offset::Parse(in.offset());
    if (!offset) return Bad("malformed offset");
    out.from = ReadRequest::From::kOffset;
    out.offset = *offset;
  }
  return absl::OkStatus();
}

absl::Status FromProto(pb::ReadRequest&& in, ReadRequest& out) {
  const absl::Status status = TakePath(in.mutable_path(), out.path);
  if (!status.ok()) return status;
  if (in.max_bytes() > 0) out.max_bytes = std::min(in.max_bytes(), kMaxReadBytes);
  out.known_next = Offset::Parse(in.known_next());
  return FromProto(in.position(), out);
}

absl::Status FromProto(pb::HeadRequest&& in, HeadRequest& out) {
  out.renew = in.renew();
  return TakePath(in.mutable_path(), out.path);
}

absl::Status FromProto(pb::DeleteRequest&& in, DeleteRequest& out) {
  const absl::Status status = TakePath(in.mutable_path(), out.path);
  return status.ok() ? GetCondition(in, out.condition) : status;
}

absl::Status FromProto(pb::ListRequest&& in, ListRequest& out) {
  for (const std::string* const text : {&in.prefix(), &in.page_token()}) {
    if (text->size() > StreamPath::kMaxBytes) {
      return MakeError(ErrorCode::kBadRequest, "prefix and page token are beginnings of paths");
    }
    const absl::Status status = CheckPathCharacters(*text);
    if (!status.ok()) return status;
  }
  out.prefix = std::move(*in.mutable_prefix());
  out.page_token = std::move(*in.mutable_page_token());
  if (in.page_size() > 0) out.page_size = std::min(in.page_size(), kMaxPageSize);
  return absl::OkStatus();
}

pb::CreateRequest ToProto(CreateRequest&& in) {
  pb::CreateRequest out;
  out.set_path(std::move(in.path).text());
  out.set_content_type(std::move(in.content_type));
  if (in.lifetime.set()) SetLifetime(in.lifetime, *out.mutable_lifetime());
  out.set_body(std::move(in.body));
  out.set_closed(in.closed);
  if (in.fork) {
    out.mutable_fork()->set_source_path(in.fork->source_path.text());
    if (in.fork->offset) out.mutable_fork()->set_offset(in.fork->offset->ToString());
    out.mutable_fork()->set_sub_offset(in.fork->sub_offset);
  }
  SetCondition(in.condition, out);
  return out;
}

pb::AppendRequest ToProto(AppendRequest&& in) {
  pb::AppendRequest out;
  out.set_path(std::move(in.path).text());
  out.set_content_type(std::move(in.content_type));
  out.set_body(std::move(in.body));
  if (in.stream_seq) out.set_stream_seq(*in.stream_seq);
  if (in.producer) {
    out.mutable_producer()->set_id(in.producer->id);
    out.mutable_producer()->set_epoch(in.producer->epoch);
    out.mutable_producer()->set_seq(in.producer->seq);
  }
  out.set_close(in.close);
  SetCondition(in.condition, out);
  return out;
}

pb::DeleteRequest ToProto(DeleteRequest&& in) {
  pb::DeleteRequest out;
  out.set_path(std::move(in.path).text());
  SetCondition(in.condition, out);
  return out;
}

pb::ReadRequest ToProto(const ReadRequest& in) {
  pb::ReadRequest out;
  out.set_path(in.path.text());
  out.set_max_bytes(in.max_bytes);
  if (in.known_next) out.set_known_next(in.known_next->ToString());
  switch (in.from) {
    case ReadRequest::From::kBeginning:
      out.mutable_position()->set_beginning(true);
      break;
    case ReadRequest::From::kNow:
      out.mutable_position()->set_now(true);
      break;
    case ReadRequest::From::kOffset:
      out.mutable_position()->set_offset(in.offset.ToString());
      break;
  }
  return out;
}

pb::CreateResponse ToProto(const CreateResult& in) {
  pb::CreateResponse out;
  out.set_created(in.created);
  out.set_content_type(in.content_type);
  out.set_tail(in.tail.ToString());
  out.set_closed(in.closed);
  return out;
}

CreateResult FromProto(const pb::CreateResponse& in) {
  return {.created = in.created(),
          .content_type = in.content_type(),
          .tail = TrustedOffset(in.tail()),
          .closed = in.closed()};
}

pb::AppendResponse ToProto(const AppendResult& in) {
  pb::AppendResponse out;
  out.set_tail(in.tail.ToString());
  out.set_closed(in.closed);
  out.set_duplicate(in.duplicate);
  out.set_producer_epoch(in.producer_epoch);
  out.set_producer_seq(in.producer_seq);
  out.set_expected_seq(in.expected_seq);
  return out;
}

AppendResult FromProto(const pb::AppendResponse& in) {
  return {.tail = TrustedOffset(in.tail()),
          .closed = in.closed(),
          .duplicate = in.duplicate(),
          .producer_epoch = in.producer_epoch(),
          .producer_seq = in.producer_seq(),
          .expected_seq = in.expected_seq()};
}

pb::DeleteResponse ToProto(const DeleteResult&) { return {}; }

pb::ReadResponse ToProto(ReadResult&& in) {
  pb::ReadResponse out;
  *out.mutable_info() = ToProto(in.info);
  out.set_start(in.start.ToString());
  out.set_next(in.next.ToString());
  out.set_data(in.data());
  out.mutable_message_sizes()->Add(in.message_sizes().begin(), in.message_sizes().end());
  out.set_up_to_date(in.up_to_date);
  out.set_unchanged(in.unchanged);
  return out;
}

ReadResult FromProto(pb::ReadResponse&& in) {
  ReadResult out;
  out.info = FromProto(in.info());
  out.start = TrustedOffset(in.start());
  out.next = TrustedOffset(in.next());
  out.chunk = TakeChunk(in);
  out.up_to_date = in.up_to_date();
  out.unchanged = in.unchanged();
  return out;
}

pb::StreamInfo ToProto(const StreamInfo& in) {
  pb::StreamInfo out;
  out.set_path(in.path);
  out.set_stream_id(in.stream_id);
  out.set_content_type(in.content_type);
  if (in.lifetime.set()) SetLifetime(in.lifetime, *out.mutable_lifetime());
  out.set_tail(in.tail.ToString());
  out.set_closed(in.closed);
  SetTime(in.created_at, *out.mutable_created_at());
  return out;
}

StreamInfo FromProto(const pb::StreamInfo& in) {
  return {.path = in.path(),
          .stream_id = in.stream_id(),
          .content_type = in.content_type(),
          .lifetime = GetLifetime(in.lifetime()),
          .tail = TrustedOffset(in.tail()),
          .closed = in.closed(),
          .created_at = GetTime(in.created_at())};
}

pb::ListResponse ToProto(const ListResult& in) {
  pb::ListResponse out;
  for (const StreamInfo& info : in.streams) *out.add_streams() = ToProto(info);
  out.set_next_page_token(in.next_page_token);
  return out;
}

ListResult FromProto(const pb::ListResponse& in) {
  ListResult out;
  for (const pb::StreamInfo& info : in.streams()) out.streams.push_back(FromProto(info));
  out.next_page_token = in.next_page_token();
  return out;
}

pb::TailEvent ToProto(const TailEvent& in) {
  pb::TailEvent out;
  switch (in.kind) {
    case TailEvent::Kind::kData:
      out.set_kind(pb::TailEvent::KIND_DATA);
      break;
    case TailEvent::Kind::kClosed:
      out.set_kind(pb::TailEvent::KIND_CLOSED);
      break;
    case TailEvent::Kind::kGone:
      out.set_kind(pb::TailEvent::KIND_GONE);
      break;
    case TailEvent::Kind::kLost:
      out.set_kind(pb::TailEvent::KIND_LOST);
      break;
  }
  out.set_stream_id(in.stream_id);
  out.set_start(in.start.ToString());
  out.set_next(in.next.ToString());
  out.set_closed(in.closed);
  out.set_data(in.data());
  out.mutable_message_sizes()->Add(in.message_sizes().begin(), in.message_sizes().end());
  return out;
}

TailEvent FromProto(pb::TailEvent&& in) {
  TailEvent out;
  switch (in.kind()) {
    case pb::TailEvent::KIND_DATA:
      out.kind = TailEvent::Kind::kData;
      break;
    case pb::TailEvent::KIND_CLOSED:
      out.kind = TailEvent::Kind::kClosed;
      break;
    case pb::TailEvent::KIND_GONE:
      out.kind = TailEvent::Kind::kGone;
      break;
    default:
      out.kind = TailEvent::Kind::kLost;
      break;
  }
  out.stream_id = in.stream_id();
  out.start = TrustedOffset(in.start());
  out.next = TrustedOffset(in.next());
  out.closed = in.closed();
  out.chunk = TakeChunk(in);
  return out;
}

pb::WatchResponse ToProto(const ChangeEvent& in) {
  pb::WatchResponse out;
  // The two enumerations have the same order, behind the unspecified one.
  out.set_kind(static_cast<pb::WatchResponse::Kind>(static_cast<int>(in.kind) + 1));
  out.set_path(in.path);
  out.set_content_type(in.content_type);
  out.set_stream_id(in.stream_id);
  out.set_tail(in.tail.ToString());
  SetTime(in.time, *out.mutable_time());
  return out;
}

ChangeEvent FromProto(const pb::WatchResponse& in) {
  return {static_cast<ChangeEvent::Kind>(static_cast<int>(in.kind()) - 1),
          in.path(),
          in.content_type(),
          in.stream_id(),
          TrustedOffset(in.tail()),
          GetTime(in.time())};
}

pb::ErrorDetail ToErrorDetail(const absl::Status& status) {
  const ErrorInfo& info = Describe(GetErrorCode(status));
  pb::ErrorDetail out;
  out.set_code(std::string(info.name));
  out.set_message(std::string(status.message()));
  switch (info.outcome) {
    case WriteOutcome::kNotApplied:
      out.set_outcome(pb::WRITE_OUTCOME_NOT_APPLIED);
      break;
    case WriteOutcome::kApplied:
      out.set_outcome(pb::WRITE_OUTCOME_APPLIED);
      break;
    case WriteOutcome::kMayHaveBeenApplied:
      out.set_outcome(pb::WRITE_OUTCOME_MAY_HAVE_BEEN_APPLIED);
      break;
  }
  return out;
}

pb::StreamVersion ToProto(const StreamVersion& in) {
  pb::StreamVersion out;
  out.set_stream_id(in.stream_id);
  out.set_tail(in.tail.ToString());
  out.set_closed(in.closed);
  return out;
}

StreamVersion FromProto(const pb::StreamVersion& in) {
  return {in.stream_id(), TrustedOffset(in.tail()), in.closed()};
}

absl::Status FromErrorDetail(const pb::ErrorDetail& detail) {
  return MakeError(ErrorCodeFromName(detail.code()).value_or(ErrorCode::kInternal),
                   detail.message());
}

}  // namespace ds::rpc

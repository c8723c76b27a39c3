#include "storage/engine/metadata.h"

#include <limits>
#include <utility>
#include <vector>

#include "storage/core/rfc3339.h"
#include "storage/engine/metadata.pb.h"

namespace ds {
namespace {

namespace pb = durablestreams::engine::v1;

absl::Time ExpiryOf(const pb::StreamMetadata& in) {
  const int64_t nanos = in.expires_at_unix_nanos();
  // From the year 2262 on it is the text that knows.
  const bool out_of_range = nanos == std::numeric_limits<int64_t>::max();
  const auto said = out_of_range ? ParseRfc3339(in.expires_at_text()) : std::nullopt;
  return said.value_or(absl::FromUnixNanos(nanos));
}

}  // namespace

std::string EncodeMetadata(const StreamEntry& entry) {
  const StreamConfig& config = entry.config;
  pb::StreamMetadata out;
  out.set_stream_id(config.lineage.stream_id());
  out.set_content_type(config.content_type);
  if (config.lifetime.ttl_seconds) out.set_ttl_seconds(*config.lifetime.ttl_seconds);
  if (config.lifetime.expires_at) {
    out.set_expires_at_unix_nanos(absl::ToUnixNanos(*config.lifetime.expires_at));
    out.set_expires_at_text(config.lifetime.expires_at_text);
  }
  out.set_created_at_unix_nanos(absl::ToUnixNanos(config.created_at));
  if (entry.has_ttl()) out.set_last_access_unix_nanos(entry.last_access_nanos.load());
  out.set_closed(entry.state.closed);
  if (entry.state.closed_by) {
    out.mutable_closed_by()->set_producer_id(entry.state.closed_by->id);
    out.mutable_closed_by()->set_epoch(entry.state.closed_by->epoch);
    out.mutable_closed_by()->set_seq(entry.state.closed_by->seq);
  }
  out.set_soft_deleted(entry.state.soft_deleted);
  out.set_fork_count(entry.state.fork_count);
  for (const Segment& segment : config.lineage.inherited()) {
    pb::InheritedSegment& inherited = *out.add_inherited();
    inherited.set_stream_id(segment.stream_id);
    inherited.set_begin(segment.begin);
    inherited.set_end(segment.end);
    if (segment.incarnation != segment.stream_id) inherited.set_incarnation(segment.incarnation);
  }
  out.set_source_path(config.source_path);
  out.set_source_id(config.source_id);
  out.set_fork_anchor(config.fork_anchor);
  out.set_fork_sub_offset(config.fork_sub_offset);
  out.set_content_type_inherited(config.content_type_inherited);
  out.set_lifetime_inherited(config.lifetime_inherited);
  out.set_timer_unix_nanos(entry.timer_nanos);
  if (config.lineage.incarnation() != config.lineage.stream_id()) {
    out.set_incarnation(config.lineage.incarnation());
  }
  return out.SerializeAsString();
}

EntryPtr DecodeMetadata(std::string path, std::string_view value,
                        uint64_t first_sound_incarnation) {
  pb::StreamMetadata in;
  if (!in.ParseFromArray(value.data(), static_cast<int>(value.size())) || in.stream_id() == 0) {
    return nullptr;
  }
  StreamConfig config;
  config.content_type = in.content_type();
  if (in.has_ttl_seconds()) config.lifetime.ttl_seconds = in.ttl_seconds();
  if (in.has_expires_at_unix_nanos()) {
    config.lifetime.expires_at = ExpiryOf(in);
    config.lifetime.expires_at_text = in.expires_at_text();
  }
  config.created_at = absl::FromUnixNanos(in.created_at_unix_nanos());
  std::vector<Segment> inherited;
  for (const pb::InheritedSegment& segment : in.inherited()) {
    inherited.push_back(
        {segment.stream_id(), segment.begin(), segment.end(), segment.incarnation()});
  }
  config.lineage = Lineage(in.stream_id(), std::move(inherited), in.incarnation());
  if (config.lineage.incarnation() < first_sound_incarnation) config.lineage.MarkCut();
  config.source_path = in.source_path();
  config.source_id = in.source_id();
  config.fork_anchor = in.fork_anchor();
  config.fork_sub_offset = in.fork_sub_offset();
  config.content_type_inherited = in.content_type_inherited();
  config.lifetime_inherited = in.lifetime_inherited();

  auto entry = std::make_shared<StreamEntry>(std::move(path), std::move(config));
  entry->state.closed = in.closed();
  if (in.has_closed_by()) {
    entry->state.closed_by =
        ProducerTag{in.closed_by().producer_id(), in.closed_by().epoch(), in.closed_by().seq()};
  }
  entry->state.soft_deleted = in.soft_deleted();
  entry->state.fork_count = in.fork_count();
  entry->timer_nanos = in.timer_unix_nanos();
  if (entry->has_ttl()) {
    // The disk may be one step behind: late by that is allowed, early is not.
    const int64_t known = in.last_access_unix_nanos();
    entry->last_access_nanos =
        known + absl::ToInt64Nanoseconds(RenewalStep(entry->config.lifetime));
    entry->persisted_access_nanos = known;
  }
  return entry;
}

std::string EncodeProducer(const ProducerState& state) {
  pb::ProducerMetadata out;
  out.set_epoch(state.epoch);
  out.set_last_seq(state.last_seq);
  return out.SerializeAsString();
}

bool DecodeProducer(std::string_view value, ProducerState& state) {
  pb::ProducerMetadata in;
  if (!in.ParseFromArray(value.data(), static_cast<int>(value.size()))) return false;
  state = {in.epoch(), in.last_seq()};
  return true;
}

}  // namespace ds

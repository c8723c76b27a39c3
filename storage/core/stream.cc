#include "storage/core/stream.h"

#include <algorithm>

#include "storage/api/errors.h"
#include "storage/core/condition.h"
#include "storage/core/content_type.h"

namespace ds {
namespace {

// Judges a producer's epoch and sequence; fills `decision` and says whether the append is new.
bool AdmitProducer(const std::optional<ProducerState>& known, const ProducerTag& tag,
                   AppendDecision& decision) {
  if (known && tag.epoch < known->epoch) {
    decision.status = MakeError(ErrorCode::kProducerFenced);
    decision.producer = known;
    return false;
  }
  if (known && tag.epoch > known->epoch && tag.seq != 0) {
    decision.status = MakeError(ErrorCode::kProducerEpochSeq);
    return false;
  }
  const bool continues = known && tag.epoch == known->epoch;
  if (continues && tag.seq <= known->last_seq) {
    decision.duplicate = true;
    decision.producer = known;
    return false;
  }
  const uint64_t expected = continues ? known->last_seq + 1 : 0;
  if (tag.seq != expected) {
    decision.status = MakeError(ErrorCode::kProducerSequenceGap);
    decision.expected_seq = expected;
    return false;
  }
  decision.producer = ProducerState{tag.epoch, tag.seq};
  return true;
}

AppendDecision DecideOnClosed(const StreamConfig& config, const StreamState& state,
                              const std::optional<ProducerState>& producer,
                              const AppendInput& input, AppendDecision decision) {
  if (input.producer) {
    const bool seen = producer && input.producer->epoch == producer->epoch &&
                      input.producer->seq <= producer->last_seq;
    if (seen || state.closed_by == input.producer) {
      decision.duplicate = true;
      decision.producer = producer;
      return decision;
    }
  } else if (!input.has_body() && input.close) {
    decision.status = JudgeCondition(input.condition, VersionOf(config, state));
    return decision;
  }
  decision.status = MakeError(ErrorCode::kStreamClosed);
  return decision;
}

}  // namespace

StreamVersion VersionOf(const StreamConfig& config, const StreamState& state) {
  return {config.lineage.stream_id(), config.lineage.OffsetAt(state.tail), state.closed};
}

AppendDecision DecideAppend(const StreamConfig& config, const StreamState& state,
                            const std::optional<ProducerState>& producer,
                            const AppendInput& input) {
  AppendDecision decision;
  decision.state = state;
  if (state.soft_deleted) {
    decision.status = MakeError(ErrorCode::kStreamGone);
    return decision;
  }
  if (state.closed) return DecideOnClosed(config, state, producer, input, std::move(decision));
  if (input.has_body() && !SameMediaType(config.content_type, input.content_type)) {
    decision.status = MakeError(ErrorCode::kContentTypeMismatch);
    return decision;
  }
  if (!input.body.ok()) {
    decision.status = input.body;
    return decision;
  }
  if (input.producer && !AdmitProducer(producer, *input.producer, decision)) return decision;
  if (input.stream_seq && !state.last_stream_seq.empty() &&
      *input.stream_seq <= state.last_stream_seq) {
    decision.status = MakeError(ErrorCode::kSequenceRegression);
  } else {
    decision.status = JudgeCondition(input.condition, VersionOf(config, state));
  }
  if (!decision.status.ok()) {
    decision.producer.reset();
    return decision;
  }
  if (input.stream_seq) decision.state.last_stream_seq = *input.stream_seq;
  decision.changes = true;
  decision.state.tail += input.size;
  if (input.close) {
    decision.state.closed = true;
    decision.state.closed_by = input.producer;
  }
  return decision;
}

absl::Status MatchExisting(const StreamConfig& config, const StreamState& state,
                           const CreateRequest& request) {
  const auto conflict = [](std::string_view what) {
    return MakeError(ErrorCode::kStreamExists,
                     "the stream exists with another " + std::string(what));
  };
  if (state.soft_deleted) {
    return MakeError(ErrorCode::kStreamExists,
                     "the stream was deleted and its path is in use until its forks are deleted");
  }
  if (request.fork.has_value() != config.is_fork()) return conflict("source");
  if (request.fork) {
    if (request.fork->source_path != config.source_path) return conflict("source");
    if (request.fork->sub_offset != config.fork_sub_offset) return conflict("fork offset");
    // The source may be gone by now, but its offsets live on in the fork's lineage.
    if (request.fork->offset) {
      const Offset anchor = *request.fork->offset;
      const bool known = anchor == Offset{} || config.lineage.OffsetAt(anchor.position) == anchor;
      if (!known || anchor.position != config.fork_anchor) return conflict("fork offset");
    }
  }
  const bool inherits_type = request.content_type.empty() && config.is_fork();
  if (!inherits_type) {
    const std::string_view wanted =
        request.content_type.empty() ? kDefaultContentType : request.content_type;
    if (!SameMediaType(wanted, config.content_type)) return conflict("content type");
  }
  const bool inherits_lifetime = !request.lifetime.set() && config.lifetime_inherited;
  if (!inherits_lifetime && (request.lifetime.ttl_seconds != config.lifetime.ttl_seconds ||
                             request.lifetime.expires_at != config.lifetime.expires_at)) {
    return conflict("lifetime");
  }
  if (request.closed != state.closed) return conflict("closure status");
  return absl::OkStatus();
}

Lifetime ForkLifetime(const Lifetime& requested, const Lifetime& source) {
  return requested.set() ? requested : source;
}

absl::Time Deadline(const Lifetime& lifetime, absl::Time last_access) {
  if (lifetime.expires_at) return *lifetime.expires_at;
  if (!lifetime.ttl_seconds) return absl::InfiniteFuture();
  // Two thousand centuries are for ever, and keep the arithmetic within absl::Time.
  constexpr uint64_t kForever = 1ull << 42;
  if (*lifetime.ttl_seconds >= kForever) return absl::InfiniteFuture();
  return last_access + absl::Seconds(static_cast<int64_t>(*lifetime.ttl_seconds));
}

absl::Duration RenewalStep(const Lifetime& lifetime) {
  if (!lifetime.ttl_seconds) return absl::InfiniteDuration();
  const auto seconds = static_cast<int64_t>(std::min<uint64_t>(*lifetime.ttl_seconds, 1u << 30));
  return std::max(absl::Seconds(1), absl::Seconds(seconds) / 10);
}

}  // namespace ds

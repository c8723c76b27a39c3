#include <algorithm>
#include <memory>
#include <utility>

#include "storage/api/errors.h"
#include "storage/core/condition.h"
#include "storage/core/content_type.h"
#include "storage/core/json_messages.h"
#include "storage/engine/internal_error.h"
#include "storage/engine/stream_writer.h"

// How the StreamWriter creates streams and forks: sections 5.1 and 4.2.

namespace ds {

absl::Status StreamWriter::CheckForkDepth(const StreamEntry& source) {
  if (limits_.fork_depth == 0) return absl::OkStatus();
  uint64_t depth = 1;
  EntryPtr ancestor;
  for (const StreamEntry* entry = &source; entry->config.is_fork(); entry = ancestor.get()) {
    if (++depth > limits_.fork_depth) {
      probe_.refused_fork_depth.Increment();
      return MakeError(ErrorCode::kQuotaExceeded,
                       absl::StrCat("forks of forks may be ", limits_.fork_depth, " deep"));
    }
    // Sources are kept for their forks.
    absl::StatusOr<EntryPtr> found = cache_.Find(entry->config.source_path);
    if (!found.ok()) return InternalError(found.status());
    if (*found == nullptr) break;
    ancestor = *std::move(found);
  }
  return absl::OkStatus();
}

absl::Status StreamWriter::ResolveFork(const CreateRequest& request, EntryPtr& source,
                                       StreamConfig& config) {
  const ForkPoint& fork = *request.fork;
  absl::StatusOr<EntryPtr> found = Find(fork.source_path);
  if (!found.ok()) return InternalError(found.status());
  source = *found;
  if (source == nullptr) return MakeError(ErrorCode::kSourceNotFound);
  if (source->state.soft_deleted) return MakeError(ErrorCode::kSourceGone);
  const absl::Status shallow = CheckForkDepth(*source);
  if (!shallow.ok()) return shallow;
  // The source's records are looked at below, so they must be committed.
  if (batch_.IsTouched(*source)) Commit();
  const bool json = IsJson(source->config.content_type);
  if (!request.content_type.empty() &&
      !SameMediaType(request.content_type, source->config.content_type)) {
    return MakeError(ErrorCode::kContentTypeMismatch, "the content type differs from the source's");
  }
  const uint64_t tail = source->state.tail;
  const Lineage& lineage = source->config.lineage;
  uint64_t anchor = tail;
  if (fork.offset) {
    absl::Status status = lineage.Resolve(*fork.offset, tail, anchor);
    if (!status.ok()) {
      return MakeError(ErrorCode::kInvalidOffset, std::string(status.message()));
    }
  }
  uint64_t position;
  absl::Status status =
      reader_.ResolveSubOffset(lineage, tail, anchor, fork.sub_offset, json, position);
  if (!status.ok()) {
    return GetErrorCode(status) == ErrorCode::kInternal ? InternalError(status) : status;
  }
  if (json && anchor < tail && fork.sub_offset == 0) {
    // An anchor inside a message would break it.
    Chunk chunk;
    status = reader_.Read({lineage, anchor, tail, 1, json, false}, chunk);
    if (!status.ok()) {
      return GetErrorCode(status) == ErrorCode::kInternal ? InternalError(status) : status;
    }
  }
  config.source_path = fork.source_path.text();
  config.source_id = lineage.stream_id();
  config.fork_anchor = anchor;
  config.fork_sub_offset = fork.sub_offset;
  config.lineage = lineage.ForkAt(position, NextStreamId());
  config.content_type_inherited = request.content_type.empty();
  config.content_type = source->config.content_type;
  config.lifetime_inherited = !request.lifetime.set();
  config.lifetime = ForkLifetime(request.lifetime, source->config.lifetime);
  return absl::OkStatus();
}

EntryPtr StreamWriter::AddStream(std::string path, StreamConfig config, bool closed) {
  auto entry = std::make_shared<StreamEntry>(std::move(path), std::move(config));
  entry->state.tail = entry->config.lineage.base();
  entry->state.closed = closed;
  entry->producers_complete = true;
  entry->producer_count = 0;
  const int64_t now = absl::ToUnixNanos(clock_.Now());
  entry->last_access_nanos = entry->persisted_access_nanos = now;
  quota_.Note(entry->path, 1);
  cache_.Insert(entry);
  batch_.Created(entry);
  const absl::Time deadline = entry->deadline();
  if (deadline != absl::InfiniteFuture()) {
    PutTimer(*entry, deadline);
  }
  batch_.PutMetadata(*entry);
  subscriptions_.OnCreated(*entry);
  return entry;
}

void StreamWriter::ApplyOne(CreateOperation& create) {
  CreateRequest& request = create.request;
  CreateResult result;
  const auto answer = [&](absl::Status status) {
    result.status = std::move(status);
    answers_.push_back(
        Answer<CreateResult>{std::move(create.done), std::move(result), request.context.deadline});
  };
  const auto describe = [&](const StreamEntry& entry) {
    result.content_type = entry.config.content_type;
    result.tail = entry.config.lineage.OffsetAt(entry.state.tail);
    result.closed = entry.state.closed;
  };
  absl::StatusOr<EntryPtr> found = Find(request.path);
  if (!found.ok()) return answer(InternalError(found.status()));
  // A deleted stream that is kept for its forks is none to clients, but in the way.
  if (*found == nullptr || !(*found)->state.soft_deleted) {
    std::optional<StreamVersion> current;
    if (*found != nullptr) current = VersionOf((*found)->config, (*found)->state);
    absl::Status judged = JudgeCondition(request.condition.get(), current);
    if (!judged.ok()) {
      result.current = current;
      return answer(std::move(judged));
    }
  }
  if (*found != nullptr) {
    describe(**found);
    return answer(MatchExisting((*found)->config, (*found)->state, request));
  }
  if (request.fork && request.fork->source_path == request.path) {
    return answer(MakeError(ErrorCode::kSourceNotFound));
  }

  if (request.lifetime.expires_at && *request.lifetime.expires_at <= clock_.AcceptedWall()) {
    return answer(MakeError(ErrorCode::kBadRequest, "the time to expire at has passed"));
  }
  if (!quota_.Admits(request.path.text())) {
    probe_.refused_streams.Increment();
    return answer(MakeError(ErrorCode::kQuotaExceeded,
                            "there are too many streams whose paths begin with the same segment"));
  }

  StreamConfig config;
  EntryPtr source;
  if (request.fork) {
    const absl::Status status = ResolveFork(request, source, config);
    if (!status.ok()) return answer(status);
  } else {
    config.content_type =
        request.content_type.empty() ? std::string(kDefaultContentType) : request.content_type;
    config.lifetime = request.lifetime;
    config.lineage = Lineage(NextStreamId());
  }
  config.created_at = clock_.Wall();
  // A fork that names no content type has its source's, so only now it is known to be JSON.
  if (IsJson(config.content_type) && !request.body.empty() && create.message_sizes.empty()) {
    const absl::Status split = SplitJsonMessages(request.body, create.message_sizes);
    if (!split.ok()) return answer(split);
  }
  if (source != nullptr) {
    batch_.Touch(source);
    ++source->state.fork_count;
    probe_.streams_forked.Increment();
    batch_.PutMetadata(*source);
  }
  const EntryPtr entry = AddStream(request.path, std::move(config), request.closed);
  Record({ChangeEvent::Kind::kCreated, entry->path, entry->config.content_type,
          entry->config.lineage.stream_id(), entry->config.lineage.OffsetAt(entry->state.tail),
          entry->config.created_at});
  if (!request.body.empty()) {
    StreamState state = entry->state;
    state.tail += request.body.size();
    WriteAppend(entry, state, std::move(request.body), std::move(create.message_sizes));
  }
  result.created = true;
  describe(*entry);
  answer(absl::OkStatus());
}

}  // namespace ds

#include "storage/engine/checker.h"

#include <map>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/core/content_type.h"
#include "storage/engine/database.h"
#include "storage/engine/metadata.h"
#include "storage/engine/record.h"
#include "storage/engine/secret_keys.h"
#include "storage/engine/subscription_metadata.h"

namespace ds {
namespace {

constexpr uint64_t kProgressInterval = 1000;

class Checker {
 public:
  Checker(Database& database, const std::function<void(const std::string&)>& problem,
          const std::function<void(uint64_t)>& progress)
      : database_(database), report_problem_(problem), progress_(progress) {}

  CheckReport Run() {
    const rocksdb::Status checksums = database_.db().VerifyChecksum();
    if (!checksums.ok()) Problem("a file is damaged: ", checksums.ToString());
    CheckMeta();
    CheckStreams();
    CheckDeleted();
    CheckForks();
    CheckRecords();
    CheckProducers();
    CheckTimers();
    CheckSubscriptions();
    return report_;
  }

 private:
  // What is known of one stream.
  struct Stream {
    std::string path;
    Lineage lineage;
    bool is_json = false;
    bool soft_deleted = false;
    uint32_t fork_count = 0;
    uint32_t forks_found = 0;
    int64_t timer_nanos = 0;
    std::string source_path;
    uint64_t source_id = 0;
    uint64_t tail = 0;
  };

  template <typename... Parts>
  void Problem(const Parts&... parts) {
    ++report_.problems;
    report_problem_(absl::StrCat(parts...));
  }

  // Calls `visit` with each key and value of the family.
  template <typename Visit>
  void Walk(Family family, Visit visit) {
    if (database_.family(family) == nullptr) return;
    rocksdb::ReadOptions options;
    options.verify_checksums = true;
    options.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> it(
        database_.db().NewIterator(options, database_.family(family)));
    for (it->SeekToFirst(); it->Valid(); it->Next()) visit(ToView(it->key()), ToView(it->value()));
    if (!it->status().ok()) {
      Problem("family ", kFamilyNames[static_cast<size_t>(family)], ": ", it->status().ToString());
    }
  }

  void CheckMeta() {
    std::string value;
    if (!database_.Get(Family::kMeta, kFormatVersionKey, &value).ok() || value.size() != 8) {
      Problem("the format version is missing");
    }
    const rocksdb::Status counter = database_.Get(Family::kMeta, kNextStreamIdKey, &value);
    if (counter.ok() && value.size() == 8) next_id_ = DecodeNumber(value);
    // What is encrypted can be read with its key only, and says at a start if it was damaged.
    if (database_.Get(Family::kMeta, kSigningKeysKey, &value).ok() &&
        !SecretKeys::IsSealed(value) && !DecodeSigningKeys(value).ok()) {
      Problem("the signing keys cannot be read");
    }
  }

  void CheckStreams() {
    Walk(Family::kStreams, [&](std::string_view path, std::string_view value) {
      const EntryPtr entry = DecodeMetadata(std::string(path), value);
      if (entry == nullptr) return Problem("stream '", std::string(path), "': damaged metadata");
      ++report_.streams;
      const uint64_t id = entry->config.lineage.stream_id();
      if (id == 0 || id >= next_id_) {
        Problem("stream '", entry->path, "': its id ", id, " was never given out");
      }
      Stream stream{.path = entry->path,
                    .lineage = entry->config.lineage,
                    .is_json = IsJson(entry->config.content_type),
                    .soft_deleted = entry->state.soft_deleted,
                    .fork_count = entry->state.fork_count,
                    .timer_nanos = entry->timer_nanos,
                    .source_path = entry->config.source_path,
                    .source_id = entry->config.source_id,
                    .tail = entry->config.lineage.base()};
      const auto [it, added] = streams_.emplace(id, std::move(stream));
      if (!added) Problem("streams '", it->second.path, "' and '", entry->path, "' share an id");
    });
  }

  void CheckDeleted() {
    Walk(Family::kDeleted, [&](std::string_view key, std::string_view value) {
      if (key.size() != 8 || value.size() != 8) return Problem("a deletion's note is damaged");
      const uint64_t id = DecodeNumber(value);
      const auto it = streams_.find(id);
      if (it != streams_.end()) {
        return Problem("stream '", it->second.path, "': it is noted as deleted, and is there");
      }
      if (id == 0 || id >= next_id_) Problem("a deleted stream's id ", id, " was never given out");
      deleted_.insert(id);
    });
    report_.deleted_streams = deleted_.size();
  }

  void CheckForks() {
    for (auto& [id, stream] : streams_) {
      if (stream.source_id == 0) continue;
      const auto source = streams_.find(stream.source_id);
      if (source == streams_.end() || source->second.path != stream.source_path) {
        Problem("fork '", stream.path, "': its source '", stream.source_path, "' is missing");
      } else {
        ++source->second.forks_found;
      }
      for (const Segment& segment : stream.lineage.inherited()) {
        if (segment.begin < segment.end && !streams_.contains(segment.stream_id)) {
          Problem("fork '", stream.path, "': it inherits from a stream that is missing");
        }
      }
    }
    for (const auto& [id, stream] : streams_) {
      if (stream.forks_found != stream.fork_count) {
        Problem("stream '", stream.path, "': ", stream.forks_found, " forks name it, it counts ",
                stream.fork_count);
      }
      if (stream.soft_deleted && stream.fork_count == 0) {
        Problem("stream '", stream.path, "': deleted and kept, without a fork");
      }
    }
  }

  void CheckRecords() {
    uint64_t current = 0;
    uint64_t expected = 0;
    uint64_t seen = 0;
    Stream* stream = nullptr;
    Walk(Family::kRecords, [&](std::string_view key, std::string_view value) {
      if (key.size() != kRecordKeySize) return Problem("a record has a key of another size");
      const uint64_t id = RecordKeyStream(key);
      const uint64_t start = RecordKeyStart(key);
      if (id != current) {
        current = id;
        const auto it = streams_.find(id);
        stream = it == streams_.end() ? nullptr : &it->second;
        if (stream != nullptr) {
          expected = stream->lineage.own_begin();
        } else if (!deleted_.contains(id)) {
          Problem("records of stream id ", id, " belong to no stream");
        }
        if (++seen % kProgressInterval == 0) progress_(seen);
      }
      if (stream == nullptr) return;
      RecordView record;
      std::vector<uint32_t> sizes;
      if (!DecodeRecord(value, record) || record.payload.empty()) {
        return Problem("stream '", stream->path, "': the record at ", start, " is damaged");
      }
      if (start != expected) {
        Problem("stream '", stream->path, "': bytes ", expected, " to ", start, " are missing");
      }
      if (!DecodeAppendSizes(record, sizes)) {
        Problem("stream '", stream->path, "': the appends at ", start, " do not add up");
      }
      if (stream->is_json && (!DecodeMessageSizes(record, sizes) || sizes.empty())) {
        Problem("stream '", stream->path, "': the messages at ", start, " do not add up");
      }
      ++report_.records;
      report_.bytes += record.payload.size();
      expected = start + record.payload.size();
      stream->tail = expected;
    });
    // What forks inherit must be there.
    for (const auto& [id, stream] : streams_) {
      for (const Segment& segment : stream.lineage.inherited()) {
        const auto source = streams_.find(segment.stream_id);
        if (source != streams_.end() && segment.end > source->second.tail) {
          Problem("fork '", stream.path, "': it inherits up to ", segment.end, " of '",
                  source->second.path, "', which ends at ", source->second.tail);
        }
      }
    }
  }

  void CheckProducers() {
    Walk(Family::kProducers, [&](std::string_view key, std::string_view value) {
      ++report_.producers;
      ProducerState state;
      if (key.size() < 8 || !DecodeProducer(value, state)) {
        return Problem("the state of a producer is damaged");
      }
      const uint64_t id = DecodeNumber(key.substr(0, 8));
      if (!streams_.contains(id) && !deleted_.contains(id)) {
        Problem("a producer belongs to stream id ", id, ", which is gone");
      }
    });
  }

  void CheckTimers() {
    std::unordered_set<uint64_t> timed;
    Walk(Family::kTimers, [&](std::string_view key, std::string_view) {
      const std::optional<Timer> timer = DecodeTimerKey(key);
      if (!timer) return Problem("a timer has a damaged key");
      // One that its stream no longer names is dropped when it is due.
      const auto it = streams_.find(timer->stream_id);
      if (it != streams_.end() && it->second.timer_nanos == timer->deadline_nanos) {
        timed.insert(timer->stream_id);
      }
    });
    for (const auto& [id, stream] : streams_) {
      if (stream.timer_nanos != 0 && !stream.soft_deleted && !timed.contains(id)) {
        Problem("stream '", stream.path, "': it would never expire, its timer is missing");
      }
    }
  }

  void CheckSubscriptions() {
    std::unordered_set<std::string> ids;
    Walk(Family::kSubscriptions, [&](std::string_view key, std::string_view value) {
      if (key.starts_with(kSubscriptionPrefix)) {
        SubscriptionRecord record;
        bool deleted = false;
        const std::string id(key.substr(1));
        if (!DecodeSubscription(value, record, deleted)) {
          return Problem("subscription '", id, "' is damaged");
        }
        if (!deleted) ++report_.subscriptions;
        return;
      }
      LinkState link;
      if (!key.starts_with(kLinkPrefix) || !DecodeLink(value, link)) {
        Problem("a link of a subscription is damaged");
      }
    });
  }

  Database& database_;
  const std::function<void(const std::string&)>& report_problem_;
  const std::function<void(uint64_t)>& progress_;
  CheckReport report_;
  uint64_t next_id_ = 1;
  std::map<uint64_t, Stream> streams_;
  std::unordered_set<uint64_t> deleted_;  // ids whose records and producers may still be there
};

}  // namespace

absl::StatusOr<CheckReport> CheckDirectory(const std::string& directory,
                                           const std::function<void(const std::string&)>& problem,
                                           const std::function<void(uint64_t)>& progress) {
  DatabaseOptions options;
  options.directory = directory;
  options.read_only = true;
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(options);
  if (!database.ok()) return database.status();
  return Checker(**database, problem, progress).Run();
}

}  // namespace ds

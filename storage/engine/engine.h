#ifndef STORAGE_ENGINE_ENGINE_H_
#define STORAGE_ENGINE_ENGINE_H_

#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "metrics/metrics.h"
#include "storage/api/stream_store.h"
#include "storage/engine/backup.h"
#include "storage/engine/chunk_cache.h"
#include "storage/engine/committer.h"
#include "storage/engine/database.h"
#include "storage/engine/loss_detector.h"
#include "storage/engine/pattern_walker.h"
#include "storage/engine/probe.h"
#include "storage/engine/record_reader.h"
#include "storage/engine/record_remover.h"
#include "storage/engine/repacker.h"
#include "storage/engine/store_clock.h"
#include "storage/engine/stream_cache.h"
#include "storage/engine/tail_hub.h"

namespace ds {

struct EngineOptions {
  DatabaseOptions database;
  Committer::Options committer;
  Repacker::Options repacker;
  RecordRemover::Options remover;
  size_t max_cached_streams = 250'000;
  uint64_t chunk_cache_bytes = 64u << 20;  // of pieces that were read
  // With the keys that encrypt the secrets in the directory (SecretKeys); empty: they are plain.
  std::string secrets_key_file;
  std::string boot_id = LossDetector::CurrentBootId();
  // Where the engine's metrics go; must outlive the engine. nullptr: nowhere.
  Metrics* metrics = nullptr;
};

// The StreamStore over RocksDB, in this process. Reads run on the caller's thread, from a published
// state that the commit thread moves forward; writes go through the Committer. Destroying it
// commits what is queued; subscriptions must be gone by then.
class Engine final : public StreamStore {
 public:
  // `clock` must outlive the engine. Webhooks go through `sender`; nullptr: one that really sends.
  // Errors: those of Database::Open; DataLoss; InvalidArgument for the file with keys, and
  // FailedPrecondition when they are not those that the directory needs.
  static absl::StatusOr<std::unique_ptr<Engine>> Open(
      const EngineOptions& options, Clock& clock, std::unique_ptr<WebhookSender> sender = nullptr);
  ~Engine() override;

  void Create(CreateRequest request, Callback<CreateResult> done) override;
  void Append(AppendRequest request, Callback<AppendResult> done) override;
  void Read(ReadRequest request, Callback<ReadResult> done) override;
  void Head(HeadRequest request, Callback<HeadResult> done) override;
  void Delete(DeleteRequest request, Callback<DeleteResult> done) override;
  void List(ListRequest request, Callback<ListResult> done) override;
  void Subscriptions(SubscriptionCall call, Callback<SubscriptionAnswer> done) override;
  std::unique_ptr<Subscription> Tail(StreamPath path, std::shared_ptr<TailObserver> observer,
                                     Callback<HeadResult> ready) override;
  std::unique_ptr<Subscription> Watch(PathPattern pattern,
                                      std::shared_ptr<WatchObserver> observer) override;

  // Adds a backup to the directory; see backup.h. Blocks until it is done. Thread-safe.
  absl::StatusOr<BackupInfo> Backup(const std::string& backup_directory, uint32_t keep);

  // Why writes are refused now; empty: they are not. Thread-safe.
  std::string WhyReadOnly() const;

 private:
  Engine(const EngineOptions& options, std::unique_ptr<Database> database, Clock& clock,
         std::unique_ptr<Metrics> own_metrics);

  // Goes on from the times that the directory has of its last use.
  absl::Status LoadClock();
  // The committed stream at `path` if clients may see it.
  absl::StatusOr<EntryPtr> FindVisible(const std::string& path);
  ReadResult ReadNow(const ReadRequest& request);
  HeadResult HeadNow(const std::string& path, bool renew = false);
  void Sample(Samples& samples);

  const std::unique_ptr<Metrics> own_metrics_;  // where nobody wants them
  EngineProbe probe_;
  StoreClock clock_;
  const std::unique_ptr<Database> database_;
  LossDetector losses_;
  StreamCache cache_;
  TailHub hub_;
  RecordReader reader_;
  ChunkCache chunks_;
  std::mutex backup_mutex_;  // one at a time
  Committer committer_;
  std::unique_ptr<WebhookSender> sender_;
  Repacker repacker_;
  std::unique_ptr<PatternWalker> walker_;
  RecordRemover remover_;
  // Last: they end before what they look at.
  Metrics::Sampling sampling_;
  Metrics::Sampling database_sampling_;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_ENGINE_H_

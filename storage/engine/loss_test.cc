// A store whose newest data is missing after a restore or a power cut: what is left keeps its
// offsets, what is missing is gone, and nothing that is written anew passes for it.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "gtest/gtest.h"
#include "rocksdb/write_batch.h"
#include "storage/api/errors.h"
#include "storage/api/sync_store.h"
#include "storage/engine/backup.h"
#include "storage/engine/engine.h"
#include "storage/engine/faulty_env.h"
#include "storage/engine/keys.h"
#include "storage/engine/metadata.h"
#include "storage/engine/record.h"

namespace ds {
namespace {

namespace fs = std::filesystem;

class LossTest : public testing::Test {
 protected:
  LossTest() {
    std::string name = testing::TempDir() + "/loss-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    options_.database.directory = root_ + "/data";
    options_.boot_id = "first boot";
  }
  ~LossTest() override {
    Close();
    fs::remove_all(root_);
  }

  void Open() {
    auto engine = Engine::Open(options_, clock_);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    store_.emplace(*engine_);
  }
  void Close() {
    store_.reset();
    engine_.reset();
  }
  // As if the process was killed: the engine's files as they stand, opened elsewhere.
  void Kill() {
    const std::string copy = root_ + "/killed";
    fs::remove_all(copy);
    fs::copy(options_.database.directory, copy, fs::copy_options::recursive);
    Close();
    options_.database.directory = copy;
  }
  // Goes back to what the stream "s" was before the last appends: "kept" instead of "kept and
  // lost".
  void LoseTheEnd() {
    Open();
    ASSERT_TRUE(store_->Make("s").status.ok());
    ASSERT_TRUE(store_->Append(Produced(0, "kept")).status.ok());
    ASSERT_TRUE(engine_->Backup(root_ + "/backups", 0).ok());
    ahead_ = store_->Append(Produced(1, " and lost")).tail;
    Close();
    ASSERT_TRUE(RestoreBackup(root_ + "/backups", 0, root_ + "/restored").ok());
    options_.database.directory = root_ + "/restored";
    Open();
  }

  static AppendRequest Produced(uint64_t seq, std::string body) {
    return {.path = "s",
            .content_type = "application/octet-stream",
            .body = std::move(body),
            .producer = ProducerTag{"p", 0, seq}};
  }
  ReadResult ReadFrom(const Offset& offset) {
    return store_->Read({.path = "s", .from = ReadRequest::From::kOffset, .offset = offset});
  }
  ErrorCode ErrorFrom(const Offset& offset) {
    const absl::Status status = ReadFrom(offset).status;
    EXPECT_FALSE(status.ok());
    return status.ok() ? ErrorCode::kInternal : GetErrorCode(status);
  }

  FakeClock clock_{absl::FromUnixSeconds(1'780'000'000)};
  FaultyEnv env_;
  std::string root_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  std::optional<SyncStore> store_;
  Offset ahead_;  // the tail that was lost
};

TEST_F(LossTest, WhatARestoreLeavesKeepsItsOffsets) {
  LoseTheEnd();
  const Offset tail = store_->Head({.path = "s"}).info.tail;
  EXPECT_EQ(tail.incarnation, ahead_.incarnation);
  EXPECT_EQ(ReadFrom({tail.incarnation, 2}).data(), "pt");
  EXPECT_EQ(ErrorFrom(ahead_), ErrorCode::kOffsetGone);
}

TEST_F(LossTest, NothingNewPassesForWhatWasLost) {
  LoseTheEnd();
  const Offset tail = store_->Head({.path = "s"}).info.tail;
  const AppendResult appended = store_->Add("s", " and a longer continuation");
  ASSERT_TRUE(appended.status.ok());
  EXPECT_GT(appended.tail.position, ahead_.position);
  EXPECT_GT(appended.tail.incarnation, ahead_.incarnation);
  EXPECT_EQ(ErrorFrom(ahead_), ErrorCode::kOffsetGone);
  EXPECT_EQ(ReadFrom(tail).data(), " and a longer continuation");
  EXPECT_EQ(ReadFrom(appended.tail).status, absl::OkStatus());

  // The same after a reopen, and for everything that came after.
  Close();
  Open();
  EXPECT_EQ(ErrorFrom(ahead_), ErrorCode::kOffsetGone);
  EXPECT_EQ(store_->All("s"), "kept and a longer continuation");
  EXPECT_EQ(store_->Add("s", "!").tail.incarnation, appended.tail.incarnation);
}

TEST_F(LossTest, ProducersGoOnFromWhatIsLeft) {
  LoseTheEnd();
  EXPECT_TRUE(store_->Append(Produced(0, "kept")).duplicate);
  const AppendResult again = store_->Append(Produced(1, " and sent again"));
  ASSERT_TRUE(again.status.ok());
  EXPECT_FALSE(again.duplicate);
  EXPECT_TRUE(store_->Append(Produced(1, " and sent again")).duplicate);
  EXPECT_EQ(store_->All("s"), "kept and sent again");
}

TEST_F(LossTest, ForksAndDeletionsFollowTheStream) {
  LoseTheEnd();
  ASSERT_TRUE(store_->Create({.path = "fork", .fork = ForkPoint{"s", {}, 0}}).status.ok());
  ASSERT_TRUE(store_->Add("s", "1").status.ok());
  ASSERT_TRUE(store_->Add("fork", "2").status.ok());
  EXPECT_EQ(store_->All("s"), "kept1");
  EXPECT_EQ(store_->All("fork"), "kept2");
  ASSERT_TRUE(store_->Delete({.path = "s"}).status.ok());
  EXPECT_EQ(store_->All("fork"), "kept2");
  ASSERT_TRUE(store_->Delete({.path = "fork"}).status.ok());
  Close();
  auto database = Database::Open(options_.database);
  ASSERT_TRUE(database.ok());
  const std::unique_ptr<rocksdb::Iterator> records(
      (*database)->db().NewIterator(rocksdb::ReadOptions(), (*database)->family(Family::kRecords)));
  records->SeekToFirst();
  EXPECT_FALSE(records->Valid()) << "bytes of a deleted stream stayed";
}

TEST_F(LossTest, NewStreamsGetNumbersThatWereNeverGivenOut) {
  LoseTheEnd();
  EXPECT_GT(store_->Make("new").tail.incarnation, ahead_.incarnation + 1'000'000);
}

TEST_F(LossTest, AFailedCommitLeavesTheStreamAsItWas) {
  options_.database.env = &env_;
  LoseTheEnd();
  env_.fail_sync = true;
  EXPECT_FALSE(store_->Add("s", "x").status.ok());
  EXPECT_EQ(store_->All("s"), "kept");
  EXPECT_EQ(ErrorFrom(ahead_), ErrorCode::kOffsetGone);
  env_.fail_sync = false;
}

// What a start takes for a loss.

class DurabilityTest : public LossTest {
 protected:
  // Whether a stream of the run before goes on under a new incarnation.
  bool WasCut() {
    Open();
    const HeadResult before = store_->Head({.path = "s"});
    EXPECT_TRUE(before.status.ok());
    return store_->Add("s", "x").tail.incarnation != before.info.stream_id;
  }
  void RunOnce() {
    Open();
    ASSERT_TRUE(store_->Make("s", "", "bytes").status.ok());
  }
};

TEST_F(DurabilityTest, AKilledProcessLosesNothing) {
  for (const Durability durability : {Durability::kFsync, Durability::kOs}) {
    options_.database.durability = durability;
    options_.database.directory = root_ + "/data" + std::to_string(static_cast<int>(durability));
    RunOnce();
    Kill();
    EXPECT_FALSE(WasCut());
    Close();
  }
}

TEST_F(DurabilityTest, AMachineThatStoppedMayHaveLostWhatWasNotSynced) {
  options_.database.durability = Durability::kOs;
  RunOnce();
  Kill();
  options_.boot_id = "second boot";
  EXPECT_TRUE(WasCut());
}

TEST_F(DurabilityTest, AMachineThatStoppedLosesNothingThatWasSynced) {
  RunOnce();
  Kill();
  options_.boot_id = "second boot";
  EXPECT_FALSE(WasCut());
}

TEST_F(DurabilityTest, ARunThatEndedHasSynced) {
  options_.database.durability = Durability::kOs;
  RunOnce();
  Close();
  options_.boot_id = "second boot";
  EXPECT_FALSE(WasCut());
}

TEST_F(DurabilityTest, AnotherModeAtTheNextStartDoesNotHideTheLoss) {
  options_.database.durability = Durability::kOs;
  RunOnce();
  Kill();
  options_.boot_id = "second boot";
  options_.database.durability = Durability::kFsync;
  EXPECT_TRUE(WasCut());
}

TEST_F(DurabilityTest, WithoutItsMarkADirectoryIsACopy) {
  RunOnce();
  Close();
  ASSERT_TRUE(fs::remove(options_.database.directory + "/MARK"));
  EXPECT_TRUE(WasCut());
  Close();
  Open();
  EXPECT_GT(store_->Make("t").tail.incarnation, store_->Add("s", "y").tail.incarnation)
      << "the loss is noticed once";
}

// Directories of format 3 and older, whose ids began at 1.

TEST_F(LossTest, AnOlderDirectoryIsTakenOver) {
  {
    auto database = Database::Open(options_.database);
    ASSERT_TRUE(database.ok());
    StreamConfig config;
    config.content_type = "application/octet-stream";
    config.lineage = Lineage(3);
    config.created_at = clock_.Now();
    rocksdb::WriteBatch batch;
    batch.Put((*database)->family(Family::kMeta), kFormatVersionKey, EncodeNumber(3));
    batch.Put((*database)->family(Family::kMeta), kNextStreamIdKey, EncodeNumber(1001));
    batch.Put((*database)->family(Family::kStreams), "s",
              EncodeMetadata(StreamEntry("s", std::move(config))));
    batch.Put((*database)->family(Family::kRecords), RecordKey(3, 0),
              EncodeRecordHeader("", {5}, {}) + "hello");
    ASSERT_TRUE((*database)->Write(batch).ok());
  }
  Open();
  const Offset tail = store_->Head({.path = "s"}).info.tail;
  EXPECT_EQ(tail.ToString(), "0001000000000003_0000000000000010");
  const std::optional<Offset> old = Offset::Parse("0000000000000003_0000000000000002");
  ASSERT_TRUE(old.has_value());
  EXPECT_EQ(ReadFrom(*old).data(), "llo") << "a client goes on with the offset that it has";
  EXPECT_EQ(store_->Add("s", "!").tail.ToString(), "0001000000000003_0000000000000012");
  EXPECT_GE(store_->Make("new").tail.incarnation, Offset::kFirstIncarnation);
}

}  // namespace
}  // namespace ds

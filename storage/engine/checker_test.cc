#include "storage/engine/checker.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/write_batch.h"
#include "storage/api/sync_store.h"
#include "storage/engine/backup.h"
#include "storage/engine/database.h"
#include "storage/engine/engine.h"

namespace ds {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CheckerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::string(::testing::TempDir()) + "/check-" +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(directory_);
    EngineOptions options;
    options.database.directory = directory_;
    auto engine = Engine::Open(options, Clock::System());
    ASSERT_TRUE(engine.ok()) << engine.status();
    SyncStore store(**engine);
    bytes_id_ = store.Make("bytes").tail.incarnation;
    for (int i = 0; i < 3; ++i) store.Add("bytes", "some bytes");
    json_id_ = store.Make("json", "application/json", R"([{"a":1},{"b":2}])").tail.incarnation;
    store.Create({.path = "timed", .lifetime = {.ttl_seconds = 3600}});
    store.Create({.path = "fork", .fork = ForkPoint{"bytes", {}, 0}});
    store.Append({.path = "bytes",
                  .content_type = "application/octet-stream",
                  .body = "x",
                  .producer = ProducerTag{"p", 0, 0}});
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::vector<std::string> Check() {
    std::vector<std::string> problems;
    report_ = CheckDirectory(
        directory_, [&](const std::string& problem) { problems.push_back(problem); },
        [](uint64_t) {});
    return problems;
  }

  // Changes the directory behind the server's back.
  void Tamper(const std::function<void(Database&, rocksdb::WriteBatch&)>& change) {
    DatabaseOptions options;
    options.directory = directory_;
    auto database = Database::Open(options);
    ASSERT_TRUE(database.ok());
    rocksdb::WriteBatch batch;
    change(**database, batch);
    ASSERT_TRUE((*database)->Write(batch).ok());
  }

  std::string directory_;
  uint64_t bytes_id_ = 0;
  uint64_t json_id_ = 0;
  absl::StatusOr<CheckReport> report_ = absl::UnknownError("not checked");
};

TEST_F(CheckerTest, FindsNothingInAGoodDirectoryAndChangesNothing) {
  EXPECT_THAT(Check(), IsEmpty());
  ASSERT_TRUE(report_.ok());
  EXPECT_EQ(report_->streams, 4u);
  EXPECT_EQ(report_->producers, 1u);
  EXPECT_EQ(report_->bytes, 30u + 14u + 1u);
  EXPECT_THAT(Check(), IsEmpty());
}

TEST_F(CheckerTest, FindsAHoleAmongTheRecords) {
  Tamper([this](Database& database, rocksdb::WriteBatch& batch) {
    batch.Delete(database.family(Family::kRecords), RecordKey(bytes_id_, 10));
  });
  EXPECT_THAT(Check(), Contains(HasSubstr("stream 'bytes': bytes 10 to 20 are missing")));
}

TEST_F(CheckerTest, FindsDamagedRecordsAndMetadata) {
  Tamper([this](Database& database, rocksdb::WriteBatch& batch) {
    batch.Put(database.family(Family::kRecords), RecordKey(bytes_id_, 10), "\x07 what");
    batch.Put(database.family(Family::kStreams), "json", "\xff\xff");
  });
  const std::vector<std::string> problems = Check();
  EXPECT_THAT(problems, Contains(HasSubstr("the record at 10 is damaged")));
  EXPECT_THAT(problems, Contains(HasSubstr("stream 'json': damaged metadata")));
  EXPECT_THAT(
      problems,
      Contains(HasSubstr(absl::StrCat("records of stream id ", json_id_, " belong to no stream"))));
}

TEST_F(CheckerTest, FindsForksWithoutTheirSource) {
  Tamper([](Database& database, rocksdb::WriteBatch& batch) {
    batch.Delete(database.family(Family::kStreams), "bytes");
  });
  const std::vector<std::string> problems = Check();
  EXPECT_THAT(problems, Contains(HasSubstr("fork 'fork': its source 'bytes' is missing")));
  EXPECT_THAT(problems,
              Contains(HasSubstr(absl::StrCat("a producer belongs to stream id ", bytes_id_))));
}

TEST_F(CheckerTest, FindsAMissingTimerAndAMissingFork) {
  Tamper([](Database& database, rocksdb::WriteBatch& batch) {
    batch.DeleteRange(database.family(Family::kTimers), "", std::string(16, '\xff'));
    batch.Delete(database.family(Family::kStreams), "fork");
  });
  const std::vector<std::string> problems = Check();
  EXPECT_THAT(problems, Contains(HasSubstr("stream 'timed': it would never expire")));
  EXPECT_THAT(problems, Contains(HasSubstr("0 forks name it, it counts 1")));
}

TEST_F(CheckerTest, SaysWhatIsNoDataDirectory) {
  std::filesystem::remove_all(directory_);
  EXPECT_THAT(Check(), IsEmpty());
  EXPECT_FALSE(report_.ok());
  EXPECT_FALSE(std::filesystem::exists(directory_));
}

TEST_F(CheckerTest, ABackupHoldsAllAndGrowsByWhatIsNew) {
  const std::string backups = directory_ + "-backups";
  const std::string restored = directory_ + "-restored";
  std::filesystem::remove_all(backups);
  std::filesystem::remove_all(restored);
  EngineOptions options;
  options.database.directory = directory_;
  {
    auto engine = Engine::Open(options, Clock::System());
    ASSERT_TRUE(engine.ok());
    SyncStore store(**engine);
    ASSERT_TRUE((*engine)->Backup(backups, 0).ok());
    store.Add("bytes", "later");
    ASSERT_TRUE((*engine)->Backup(backups, 0).ok());
    store.Add("bytes", "lost");
  }
  const auto list = ListBackups(backups, /*verify=*/true);
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_EQ(list->size(), 2u);

  EXPECT_EQ(RestoreBackup(backups, 7, restored).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(RestoreBackup(backups, 0, directory_).status().code(),
            absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(RestoreBackup(backups, 0, restored).ok());
  options.database.directory = restored;
  auto engine = Engine::Open(options, Clock::System());
  ASSERT_TRUE(engine.ok()) << engine.status();
  EXPECT_EQ(SyncStore(**engine).All("bytes"), "some bytessome bytessome bytesxlater");
  std::filesystem::remove_all(backups);
  engine->reset();
  std::filesystem::remove_all(restored);
}

}  // namespace
}  // namespace ds

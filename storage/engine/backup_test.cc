// Backups below the command line: where their files are made, and who else is at work.

#include "storage/engine/backup.h"

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/engine/faulty_env.h"

namespace ds {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class BackupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(root_);
    options_.directory = root_ + "/data";
    options_.env = &env_;
  }
  void TearDown() override { fs::remove_all(root_); }

  std::unique_ptr<Database> Open() {
    absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(options_);
    EXPECT_TRUE(database.ok()) << database.status();
    return *std::move(database);
  }

  const std::string root_ = ::testing::TempDir() + "/backup_test";
  const std::string backups_ = root_ + "/backups";
  FaultyEnv env_;
  DatabaseOptions options_;
};

TEST_F(BackupTest, FilesAreMadeInTheDatabasesEnv) {
  const auto database = Open();
  env_.fail_sync = true;
  EXPECT_EQ(MakeBackup(*database, backups_, 0).status().code(), absl::StatusCode::kUnknown);
  env_.fail_sync = false;
  env_.fail_append = true;
  EXPECT_FALSE(MakeBackup(*database, backups_, 0).ok());
  env_.fail_append = false;
  const absl::StatusOr<BackupInfo> made = MakeBackup(*database, backups_, 0);
  ASSERT_TRUE(made.ok()) << made.status();
  const auto listed = ListBackups(backups_, /*verify=*/true, &env_);
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->size(), 1u) << "what failed has left nothing";
  EXPECT_EQ(listed->front().id, made->id);
  EXPECT_EQ(listed->front().damage, "");
}

TEST_F(BackupTest, ARestoreWritesToItsEnv) {
  ASSERT_TRUE(MakeBackup(*Open(), backups_, 0).ok());
  env_.fail_append = true;
  EXPECT_FALSE(RestoreBackup(backups_, 0, root_ + "/restored", &env_).ok());
}

TEST_F(BackupTest, OneThatIsBeingMadeIsNotDamaged) {
  ASSERT_TRUE(MakeBackup(*Open(), backups_, 0).ok());
  fs::create_directories(backups_ + "/private/2");
  // The locks of one process exclude each other, too.
  rocksdb::FileLock* lock = nullptr;
  ASSERT_TRUE(rocksdb::Env::Default()->LockFile(backups_ + "/LOCK", &lock).ok());
  EXPECT_EQ(ListBackups(backups_, false)->size(), 1u);
  const absl::Status busy = MakeBackup(*Open(), backups_, 0).status();
  EXPECT_EQ(busy.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(busy.message()), HasSubstr("another process"));
  ASSERT_TRUE(rocksdb::Env::Default()->UnlockFile(lock).ok());
  // Nobody is at it: it was interrupted.
  const auto listed = ListBackups(backups_, false);
  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->size(), 2u);
  EXPECT_THAT(listed->back().damage, HasSubstr("interrupted"));
  EXPECT_EQ(RestoreBackup(backups_, 0, root_ + "/restored").status().code(),
            absl::StatusCode::kDataLoss);
  // The next one clears it away.
  ASSERT_TRUE(MakeBackup(*Open(), backups_, 0).ok());
  const auto cleared = ListBackups(backups_, true);
  ASSERT_TRUE(cleared.ok());
  for (const BackupInfo& info : *cleared) EXPECT_EQ(info.damage, "");
}

}  // namespace
}  // namespace ds

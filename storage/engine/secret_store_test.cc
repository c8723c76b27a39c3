// What is left of plain secrets on the disk when a directory gets a key: nothing.

#include "storage/engine/secret_store.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "gtest/gtest.h"
#include "storage/engine/backup.h"
#include "storage/engine/engine.h"

namespace ds {
namespace {

namespace fs = std::filesystem;

class SecretStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(root_);
    fs::create_directories(root_);
    std::ofstream(root_ + "/keys") << std::string(64, '7') << '\n';
    options_.database.directory = root_ + "/data";
  }
  void TearDown() override { fs::remove_all(root_); }

  void Run(const std::string& key_file) {
    options_.secrets_key_file = key_file;
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open(options_, clock_);
    ASSERT_TRUE(engine.ok()) << engine.status();
    ASSERT_TRUE((*engine)->Backup(root_ + "/backups", /*keep=*/1).ok());
  }

  // The value as it is stored.
  std::string Stored(const char* key) {
    const auto database = Database::Open(options_.database);
    std::string value;
    EXPECT_TRUE((*database)->Get(Family::kMeta, key, &value).ok());
    return value;
  }

  // The files below `directory` that have `bytes` somewhere.
  std::vector<std::string> FilesWith(const std::string& directory, const std::string& bytes) {
    std::vector<std::string> found;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string content{std::istreambuf_iterator<char>(in), {}};
      if (content.find(bytes) != content.npos) found.push_back(entry.path());
    }
    return found;
  }

  const std::string root_ = ::testing::TempDir() + "/secret_store";
  EngineOptions options_;
  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
};

TEST_F(SecretStoreTest, AKeyRemovesWhatWasPlainFromAllFiles) {
  Run("");
  const std::string secret = Stored(kTokenSecretKey);
  const std::string seed = Stored(kSigningKeysKey).substr(4, 32);
  ASSERT_EQ(secret.size(), 32u);
  ASSERT_FALSE(FilesWith(root_ + "/data", secret).empty()) << "it can be found while it is plain";
  ASSERT_FALSE(FilesWith(root_ + "/data", seed).empty());
  ASSERT_FALSE(FilesWith(root_ + "/backups", seed).empty());
  Run(root_ + "/keys");
  EXPECT_TRUE(SecretKeys::IsSealed(Stored(kTokenSecretKey)));
  EXPECT_TRUE(SecretKeys::IsSealed(Stored(kSigningKeysKey)));
  for (const std::string& plain : {secret, seed}) {
    EXPECT_TRUE(FilesWith(root_ + "/data", plain).empty()) << FilesWith(root_ + "/data", plain)[0];
    EXPECT_TRUE(FilesWith(root_ + "/backups", plain).empty());
  }
}

TEST_F(SecretStoreTest, AStartThatChangesNothingWritesNothing) {
  Run(root_ + "/keys");
  const std::string first = Stored(kSigningKeysKey);
  Run(root_ + "/keys");
  EXPECT_EQ(Stored(kSigningKeysKey), first);
}

}  // namespace
}  // namespace ds

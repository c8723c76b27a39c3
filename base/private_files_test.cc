#include "base/private_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ds {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PrivateFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(directory_);
    umask(0);
  }
  void TearDown() override {
    fs::remove_all(directory_);
    umask(022);
  }

  static mode_t Mode(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777;
  }
  void AddFile(const std::string& name, mode_t mode) {
    const std::string path = directory_ + "/" + name;
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << "secret";
    chmod(path.c_str(), mode);
  }

  const std::string directory_ = ::testing::TempDir() + "/private_files";
};

TEST_F(PrivateFilesTest, ANewDirectoryIsPrivateWhateverTheUmask) {
  EXPECT_THAT(*MakePrivateDirectory(directory_ + "/a/b/", {}), IsEmpty());
  EXPECT_EQ(Mode(directory_ + "/a/b"), 0700u);
  EXPECT_THAT(*MakePrivateDirectory(directory_ + "/a/b", {}), IsEmpty()) << "nothing to tell of";
}

TEST_F(PrivateFilesTest, OneThatIsThereIsTightenedWithItsFiles) {
  AddFile("CURRENT", 0644);
  AddFile("known/1/file", 0660);
  AddFile("private", 0600);
  chmod(directory_.c_str(), 0755);
  EXPECT_THAT(*MakePrivateDirectory(directory_, {"known"}), HasSubstr("were taken away"));
  EXPECT_EQ(Mode(directory_), 0700u);
  EXPECT_EQ(Mode(directory_ + "/CURRENT"), 0600u);
  EXPECT_EQ(Mode(directory_ + "/known"), 0700u);
  EXPECT_EQ(Mode(directory_ + "/known/1"), 0700u);
  EXPECT_EQ(Mode(directory_ + "/known/1/file"), 0600u);
}

TEST_F(PrivateFilesTest, OneThatOthersUseTooIsNotTouchedButToldOf) {
  AddFile("CURRENT", 0644);
  AddFile("somebody/file", 0644);
  chmod(directory_.c_str(), 0755);
  EXPECT_THAT(*MakePrivateDirectory(directory_, {}), HasSubstr("a folder somebody"));
  EXPECT_EQ(Mode(directory_), 0755u);
  fs::remove_all(directory_ + "/somebody");
  chmod(directory_.c_str(), 01777);
  EXPECT_THAT(*MakePrivateDirectory(directory_, {}), HasSubstr("everybody's files"));
  EXPECT_EQ(Mode(directory_), 01777u);
}

TEST_F(PrivateFilesTest, LinksAreNotFollowed) {
  AddFile("elsewhere/file", 0644);
  AddFile("data/CURRENT", 0644);
  fs::create_symlink(directory_ + "/elsewhere", directory_ + "/data/known");
  fs::create_symlink(directory_ + "/elsewhere/file", directory_ + "/data/link");
  ASSERT_TRUE(MakePrivateDirectory(directory_ + "/data", {"known"}).ok());
  EXPECT_EQ(Mode(directory_ + "/data/CURRENT"), 0600u);
  EXPECT_EQ(Mode(directory_ + "/elsewhere/file"), 0644u);
}

TEST_F(PrivateFilesTest, WhatCannotBeMadeIsAnError) {
  AddFile("file", 0600);
  EXPECT_FALSE(MakePrivateDirectory(directory_ + "/file/data", {}).ok());
}

TEST_F(PrivateFilesTest, TellsWhoElseReadsAFile) {
  AddFile("file", 0600);
  const std::string file = directory_ + "/file";
  EXPECT_EQ(WhoElseReads(file), "");
  chmod(file.c_str(), 0640);
  EXPECT_EQ(WhoElseReads(file), "by its group");
  chmod(file.c_str(), 0604);
  EXPECT_EQ(WhoElseReads(file), "by everybody");
  EXPECT_EQ(WhoElseReads(directory_ + "/none"), "");
}

}  // namespace
}  // namespace ds

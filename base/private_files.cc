#include "base/private_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace ds {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kOfOthers = S_IRWXG | S_IRWXO;

// Takes from one file or directory what group and others may do; counts whether that was anything,
// and whether it did not work.
struct Taker {
  size_t taken = 0;
  size_t failed = 0;

  void Take(const fs::path& path) {
    struct stat info {};
    if (lstat(path.c_str(), &info) != 0 || S_ISLNK(info.st_mode)) return;
    if ((info.st_mode & kOfOthers) == 0) return;
    const bool changed = chmod(path.c_str(), info.st_mode & 07777 & ~kOfOthers) == 0;
    ++(changed ? taken : failed);
  }
};

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Why a directory is not ours alone; empty: it is.
std::string WhyShared(const std::string& directory, const struct stat& info,
                      const std::vector<std::string>& folders) {
  if (info.st_uid != geteuid()) return "it belongs to another user";
  if ((info.st_mode & S_ISVTX) != 0) return "it is one for everybody's files";
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename();
    const bool folder = entry.is_directory(error) && !entry.is_symlink(error);
    if (folder && name != "lost+found" && !Contains(folders, name)) {
      return absl::StrCat("it has a folder ", name, ", which is not the server's");
    }
  }
  return {};
}

absl::Status Make(const std::string& directory) {
  std::error_code error;
  const fs::path parent = fs::path(directory).parent_path();
  if (!parent.empty()) fs::create_directories(parent, error);
  if (!error && mkdir(directory.c_str(), S_IRWXU) != 0) {
    error = std::error_code(errno, std::generic_category());
  }
  if (!error) return absl::OkStatus();
  return absl::UnknownError(
      absl::StrCat("cannot make the directory ", directory, ": ", error.message()));
}

}  // namespace

void MakeFilesPrivate() { umask(kOfOthers); }

absl::StatusOr<std::string> MakePrivateDirectory(const std::string& given,
                                                 const std::vector<std::string>& folders) {
  std::string directory = given;
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  struct stat info {};
  if (stat(directory.c_str(), &info) != 0) {
    const absl::Status made = Make(directory);
    if (!made.ok()) return made;
    return std::string();
  }
  const std::string shared = WhyShared(directory, info, folders);
  if (!shared.empty()) {
    // New files in it are private all the same.
    if ((info.st_mode & kOfOthers) == 0) return std::string();
    return absl::StrCat(directory,
                        " holds secrets and is open to other users; it stays so because ", shared);
  }
  Taker taker;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    if (entry.is_regular_file(error)) taker.Take(entry.path());
    if (!Contains(folders, entry.path().filename()) || entry.is_symlink(error)) continue;
    taker.Take(entry.path());
    for (const fs::directory_entry& inner : fs::recursive_directory_iterator(entry, error)) {
      taker.Take(inner.path());
    }
  }
  taker.Take(directory);
  if (taker.failed > 0) {
    return absl::StrCat(taker.failed, " files of ", directory,
                        " hold secrets, are open to other users, and belong to somebody else");
  }
  if (taker.taken > 0) {
    return absl::StrCat(directory, " was open to other users: their rights to ", taker.taken,
                        " files and folders of it were taken away");
  }
  return std::string();
}

std::string WhoElseReads(const std::string& file) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) return {};
  if ((info.st_mode & S_IROTH) != 0) return "by everybody";
  const bool of_superuser = info.st_uid == 0 && geteuid() != 0;
  if ((info.st_mode & S_IRGRP) != 0 && !of_superuser) return "by its group";
  return {};
}

}  // namespace ds

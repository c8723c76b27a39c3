#include "base/file_watcher.h"

#include <sys/stat.h>

#include <utility>

namespace ds {
namespace {

// What tells one version of the files from the next.
std::string Fingerprint(const std::vector<std::string>& files) {
  std::string print;
  for (const std::string& file : files) {
    struct stat info {};
    if (stat(file.c_str(), &info) != 0) {
      print += "-;";
      continue;
    }
    print += std::to_string(info.st_dev) + ' ' + std::to_string(info.st_ino) + ' ' +
             std::to_string(info.st_size) + ' ' + std::to_string(info.st_mtim.tv_sec) + '.' +
             std::to_string(info.st_mtim.tv_nsec) + ';';
  }
  return print;
}

}  // namespace

FileWatcher::~FileWatcher() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void FileWatcher::Watch(Files files, std::function<void()> changed) {
  std::string seen = Fingerprint(files());
  const std::lock_guard<std::mutex> lock(mutex_);
  watched_.push_back({std::move(files), std::move(changed), std::move(seen)});
  StartLocked();
}

void FileWatcher::EachTime(std::function<void()> act) {
  const std::lock_guard<std::mutex> lock(mutex_);
  each_time_.push_back(std::move(act));
  StartLocked();
}

void FileWatcher::StartLocked() {
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
}

void FileWatcher::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!wake_.wait_for(lock, interval_, [this] { return stopping_; })) {
    for (size_t i = 0; i < watched_.size(); ++i) {
      const Watched watched = watched_[i];
      lock.unlock();
      const std::vector<std::string> files = watched.files();
      std::string now = Fingerprint(files);
      if (now != watched.seen) {
        watched.changed();
        // Other files now: what they were when they were read is not known, so once more.
        if (watched.files() != files) now.clear();
      }
      lock.lock();
      watched_[i].seen = std::move(now);
    }
    for (size_t i = 0; i < each_time_.size(); ++i) {
      const std::function<void()> act = each_time_[i];
      lock.unlock();
      act();
      lock.lock();
    }
  }
}

}  // namespace ds

#ifndef BASE_FILE_WATCHER_H_
#define BASE_FILE_WATCHER_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace ds {

// Tells when files have changed, for what is configured by files that others renew: certificates,
// keys, rules. Looks at them now and then instead of listening for events, since those are lost
// where a mounted folder is exchanged as a whole, as Kubernetes does. Thread-safe.
class FileWatcher {
 public:
  explicit FileWatcher(std::chrono::milliseconds interval = std::chrono::seconds(1))
      : interval_(interval) {}
  // Stops watching.
  ~FileWatcher();

  // Which files these are may change with what they say.
  using Files = std::function<std::vector<std::string>()>;

  // Calls `changed` on the watcher's thread whenever one of `files` has become another one since it
  // was last looked at; what they are now counts as seen.
  void Watch(Files files, std::function<void()> changed);

  // Calls `act` once per interval, whether a file has changed or not.
  void EachTime(std::function<void()> act);

 private:
  struct Watched {
    Files files;
    std::function<void()> changed;
    std::string seen;
  };

  void Run();
  void StartLocked();

  const std::chrono::milliseconds interval_;
  std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::vector<Watched> watched_;
  std::vector<std::function<void()>> each_time_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ds

#endif  // BASE_FILE_WATCHER_H_

#ifndef STORAGE_ENGINE_PREFIX_QUOTA_H_
#define STORAGE_ENGINE_PREFIX_QUOTA_H_

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ds {

// Bounds how many streams there are below one prefix, the first segment of their paths: what keeps
// one tenant from making streams without end. Streams whose path has one segment have no prefix.
// Until those of the start are counted nothing is refused. AddCounted is thread-safe; the rest is
// the commit thread's.
class PrefixQuota {
 public:
  // 0: no bound, and nothing is counted.
  explicit PrefixQuota(uint64_t max_streams) : max_streams_(max_streams) {}

  bool enabled() const { return max_streams_ > 0; }

  // Whether one more stream may be made at `path`.
  bool Admits(std::string_view path) const;
  // The batch makes (1) or removes (-1) a stream.
  void Note(std::string_view path, int change);
  // The batch was committed, or is lost.
  void Commit() { noted_.clear(); }
  void Rollback();

  // A stream of the start; `Complete` when these are all.
  void AddCounted(std::string_view path);
  void Complete();

 private:
  static std::string_view PrefixOf(std::string_view path);
  void Add(std::string_view prefix, int change);

  const uint64_t max_streams_;
  std::vector<std::pair<std::string, int>> noted_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::unordered_map<std::string, int64_t> counts_;
  bool complete_ = false;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_PREFIX_QUOTA_H_

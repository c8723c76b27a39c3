#include "storage/engine/prefix_quota.h"

namespace ds {

std::string_view PrefixQuota::PrefixOf(std::string_view path) {
  const size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

bool PrefixQuota::Admits(std::string_view path) const {
  const std::string_view prefix = PrefixOf(path);
  if (!enabled() || prefix.empty()) return true;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!complete_) return true;
  const auto it = counts_.find(std::string(prefix));
  return it == counts_.end() || it->second < static_cast<int64_t>(max_streams_);
}

void PrefixQuota::Add(std::string_view prefix, int change) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto it = counts_.try_emplace(std::string(prefix), 0).first;
  it->second += change;
  if (it->second == 0) counts_.erase(it);
}

void PrefixQuota::Note(std::string_view path, int change) {
  const std::string_view prefix = PrefixOf(path);
  if (!enabled() || prefix.empty()) return;
  Add(prefix, change);
  noted_.emplace_back(prefix, change);
}

void PrefixQuota::Rollback() {
  for (const auto& [prefix, change] : noted_) Add(prefix, -change);
  noted_.clear();
}

void PrefixQuota::AddCounted(std::string_view path) {
  const std::string_view prefix = PrefixOf(path);
  if (enabled() && !prefix.empty()) Add(prefix, 1);
}

void PrefixQuota::Complete() {
  const std::lock_guard<std::mutex> lock(mutex_);
  complete_ = true;
}

}  // namespace ds

#include "gateway/limits/rate_limiter.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace ds {

RateLimiter::RateLimiter(const RateLimits& limits)
    : limits_(limits),
      request_burst_(limits.request_burst > 0 ? limits.request_burst
                                              : std::max(1.0, limits.requests_per_second)),
      byte_burst_(static_cast<double>(limits.byte_burst > 0 ? limits.byte_burst
                                                            : limits.bytes_per_second)) {}

void RateLimiter::Fill(Client& client, Time now) const {
  if (now <= client.at) return;
  const double seconds = std::chrono::duration<double>(now - client.at).count();
  client.requests =
      std::min(request_burst_, client.requests + seconds * limits_.requests_per_second);
  client.bytes =
      std::min(byte_burst_, client.bytes + seconds * static_cast<double>(limits_.bytes_per_second));
  client.at = now;
}

void RateLimiter::Sweep(Shard& shard, Time now) const {
  for (auto it = shard.clients.begin(); it != shard.clients.end();) {
    Client& client = it->second;
    Fill(client, now);
    const bool full = client.requests >= request_burst_ && client.bytes >= byte_burst_;
    it = client.readers == 0 && full ? shard.clients.erase(it) : std::next(it);
  }
  shard.sweep_at = std::max<size_t>(1024, shard.clients.size() * 2);
}

RateLimiter::Client& RateLimiter::Find(Shard& shard, std::string_view client, Time now) {
  const std::string key(client);
  if (const auto known = shard.clients.find(key); known != shard.clients.end()) {
    Fill(known->second, now);
    return known->second;
  }
  if (shard.clients.size() >= shard.sweep_at) Sweep(shard, now);
  return shard.clients.emplace(key, Client{request_burst_, byte_burst_, now}).first->second;
}

RateLimiter::Decision RateLimiter::Take(std::string_view client, uint64_t bytes, Time now) {
  Shard& shard = ShardOf(client);
  const std::lock_guard<std::mutex> lock(shard.mutex);
  Client& found = Find(shard, client, now);
  Decision decision;
  const double rate = limits_.requests_per_second;
  const double byte_rate = static_cast<double>(limits_.bytes_per_second);
  if (rate > 0 && found.requests < 1) {
    decision.allowed = false;
    decision.retry_after = absl::Seconds((1 - found.requests) / rate);
  } else if (byte_rate > 0 && found.bytes <= 0) {
    decision.allowed = false;
    decision.by_bytes = true;
    decision.retry_after = absl::Seconds((1 - found.bytes) / byte_rate);
  } else {
    if (rate > 0) found.requests -= 1;
    if (byte_rate > 0) found.bytes -= static_cast<double>(bytes);
  }
  if (rate > 0) {
    decision.remaining = static_cast<uint64_t>(found.requests);
    decision.reset = absl::Seconds((request_burst_ - found.requests) / rate);
  }
  return decision;
}

void RateLimiter::Charge(std::string_view client, uint64_t bytes, Time now) {
  if (limits_.bytes_per_second == 0 || bytes == 0) return;
  Shard& shard = ShardOf(client);
  const std::lock_guard<std::mutex> lock(shard.mutex);
  Find(shard, client, now).bytes -= static_cast<double>(bytes);
}

bool RateLimiter::AddReader(std::string_view client) {
  Shard& shard = ShardOf(client);
  const std::lock_guard<std::mutex> lock(shard.mutex);
  Client& found = Find(shard, client, std::chrono::steady_clock::now());
  if (limits_.live_readers > 0 && found.readers >= limits_.live_readers) return false;
  ++found.readers;
  return true;
}

void RateLimiter::RemoveReader(std::string_view client) {
  Shard& shard = ShardOf(client);
  const std::lock_guard<std::mutex> lock(shard.mutex);
  const auto found = shard.clients.find(std::string(client));
  if (found != shard.clients.end()) --found->second.readers;
}

size_t RateLimiter::clients() const {
  size_t count = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard<std::mutex> lock(shard.mutex);
    count += shard.clients.size();
  }
  return count;
}

}  // namespace ds

#include <algorithm>
#include <cstdio>

#include "tests/bench/load/http_client.h"
#include "tests/bench/load/workloads.h"

namespace ds::bench {

double Latencies::Quantile(double q) {
  if (values_.empty()) return 0;
  if (!sorted_) std::sort(values_.begin(), values_.end());
  sorted_ = true;
  const auto index = static_cast<size_t>(q * static_cast<double>(values_.size()));
  return static_cast<double>(values_[std::min(index, values_.size() - 1)]) / 1e6;
}

std::string Latencies::Json() {
  char text[200];
  std::snprintf(text, sizeof text,
                "\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"max_ms\":%.3f",
                Quantile(0.5), Quantile(0.9), Quantile(0.99), Quantile(0.999), Quantile(1));
  return text;
}

Window::Window(const CommonOptions& common)
    : begin_(Now() + static_cast<int64_t>(common.warmup * 1e9)),
      end_(begin_ + static_cast<int64_t>(common.seconds * 1e9)) {}

int64_t Window::Tick(int64_t now) {
  if (now < begin_) return begin_;
  if (!announced_) {
    announced_ = true;
    Begins();
  }
  return end_;
}

void Window::Begins() {
  std::puts("measuring");
  std::fflush(stdout);
}

void Window::Over() {
  std::puts("measured");
  std::fflush(stdout);
}

}  // namespace ds::bench

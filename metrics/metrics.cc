#include "metrics/metrics.h"

#include <algorithm>
#include <utility>

#include "prometheus/text_serializer.h"

namespace ds {

prometheus::ClientMetric& Samples::Add(const std::string& name, const std::string& help,
                                       prometheus::MetricType type,
                                       const prometheus::Labels& labels) {
  auto family = std::find_if(families_.begin(), families_.end(),
                             [&](const auto& known) { return known.name == name; });
  if (family == families_.end()) {
    families_.push_back({name, help, type, {}});
    family = families_.end() - 1;
  }
  prometheus::ClientMetric& metric = family->metric.emplace_back();
  for (const auto& [label, value] : labels) metric.label.push_back({label, value});
  return metric;
}

void Samples::Gauge(const std::string& name, const std::string& help, double value,
                    const prometheus::Labels& labels) {
  Add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
}

void Samples::Counter(const std::string& name, const std::string& help, double value,
                      const prometheus::Labels& labels) {
  Add(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
}

Metrics::Sampling& Metrics::Sampling::operator=(Sampling&& other) noexcept {
  std::swap(metrics_, other.metrics_);
  std::swap(place_, other.place_);
  return *this;
}

void Metrics::Sampling::Stop() {
  if (metrics_ == nullptr) return;
  const std::lock_guard<std::mutex> lock(metrics_->mutex_);
  metrics_->samplers_.erase(place_);
}

prometheus::Counter& Metrics::Counter(const std::string& name, const std::string& help,
                                      const prometheus::Labels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add(labels);
}

prometheus::Gauge& Metrics::Gauge(const std::string& name, const std::string& help,
                                  const prometheus::Labels& labels) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry_).Add(labels);
}

prometheus::Histogram& Metrics::Histogram(const std::string& name, const std::string& help,
                                          const std::vector<double>& bounds,
                                          const prometheus::Labels& labels) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_).Add(labels, bounds);
}

Metrics::Sampling Metrics::Sample(Sampler sampler) {
  const std::lock_guard<std::mutex> lock(mutex_);
  samplers_.push_back(std::move(sampler));
  return Sampling(*this, std::prev(samplers_.end()));
}

std::string Metrics::Expose() {
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  Samples samples;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const Sampler& sampler : samplers_) sampler(samples);
  }
  for (prometheus::MetricFamily& family : samples.families()) {
    families.push_back(std::move(family));
  }
  return prometheus::TextSerializer().Serialize(families);
}

const std::vector<double>& LatencyBounds() {
  static const std::vector<double> bounds{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                          0.005,   0.01,   0.025,   0.05,   0.1,   0.25,
                                          0.5,     1,      2.5,     5,      10};
  return bounds;
}

}  // namespace ds

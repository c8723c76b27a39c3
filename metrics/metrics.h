#ifndef METRICS_METRICS_H_
#define METRICS_METRICS_H_

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/labels.h"
#include "prometheus/metric_family.h"
#include "prometheus/registry.h"

namespace ds {

// Collects values that are read when somebody asks for them, such as a queue's length: `Gauge` and
// `Counter` add one sample to the family of that name.
class Samples {
 public:
  void Gauge(const std::string& name, const std::string& help, double value,
             const prometheus::Labels& labels = {});
  void Counter(const std::string& name, const std::string& help, double value,
               const prometheus::Labels& labels = {});

  std::vector<prometheus::MetricFamily>& families() { return families_; }

 private:
  prometheus::ClientMetric& Add(const std::string& name, const std::string& help,
                                prometheus::MetricType type, const prometheus::Labels& labels);

  std::vector<prometheus::MetricFamily> families_;
};

// The metrics of one process, exposed in Prometheus' text format. Each component keeps its own in a
// probe beside it, and gets them here once, at its construction; the references live as long as
// this object. Names follow Prometheus' rules: `durable_streams_` before all that are ours, base
// units, `_total` on counters; no label takes values that clients choose. docs/metrics.md lists
// them all, and a test compares it with a live scrape. Thread-safe.
class Metrics {
 public:
  using Sampler = std::function<void(Samples&)>;

  // Takes a sampler back when destroyed; after the destructor it is not called.
  class [[nodiscard]] Sampling {
   public:
    Sampling() = default;
    Sampling(Sampling&& other) noexcept { *this = std::move(other); }
    Sampling& operator=(Sampling&& other) noexcept;
    ~Sampling() { Stop(); }

   private:
    friend class Metrics;
    Sampling(Metrics& metrics, std::list<Sampler>::iterator place)
        : metrics_(&metrics), place_(place) {}
    void Stop();

    Metrics* metrics_ = nullptr;
    std::list<Sampler>::iterator place_;
  };

  prometheus::Counter& Counter(const std::string& name, const std::string& help,
                               const prometheus::Labels& labels = {});
  prometheus::Gauge& Gauge(const std::string& name, const std::string& help,
                           const prometheus::Labels& labels = {});
  // `bounds`: the upper ends of the buckets, ascending; one without an end is added.
  prometheus::Histogram& Histogram(const std::string& name, const std::string& help,
                                   const std::vector<double>& bounds,
                                   const prometheus::Labels& labels = {});

  // Has `sampler` called at every scrape, on the scraping thread.
  Sampling Sample(Sampler sampler);

  // Everything in the text format, version 0.0.4.
  std::string Expose();

 private:
  prometheus::Registry registry_;
  std::mutex mutex_;
  std::list<Sampler> samplers_;  // guarded by mutex_, which is held while they run
};

// Bounds for what a request waits for: 50 us to 10 s.
const std::vector<double>& LatencyBounds();

}  // namespace ds

#endif  // METRICS_METRICS_H_

#ifndef METRICS_HEALTH_H_
#define METRICS_HEALTH_H_

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "metrics/metrics.h"

namespace ds {

// What a server knows about its own health: named checks of two kinds.
//
// A liveness check asks whether this process still works; when one fails, a restart is the cure. It
// looks at nothing outside the process: a lost storage must never restart the gateways in front of
// it. A readiness check asks whether the process may be sent requests.
//
// Checks are quick, for they run whenever somebody asks; each is also the metric
// durable_streams_health_check. Thread-safe; checks are added before others use the object.
class Health {
 public:
  // Returns the reason why it fails; empty: it passes.
  using Check = std::function<std::string()>;

  explicit Health(Metrics& metrics);

  void AddLiveness(std::string name, Check check);
  void AddReadiness(std::string name, Check check);

  struct Report {
    bool passes = true;
    std::string text;  // one line, or with `verbose` one line a check
  };
  // All checks of the kind but those named in `excluded`, of which there may be others' names.
  Report Live(bool verbose, const std::vector<std::string>& excluded) const;
  Report Ready(bool verbose, const std::vector<std::string>& excluded) const;

 private:
  struct Named {
    std::string name;
    Check check;
  };

  static Report Run(const std::string& kind, const std::vector<Named>& checks, bool verbose,
                    const std::vector<std::string>& excluded);

  std::vector<Named> liveness_;
  std::vector<Named> readiness_;
  Metrics::Sampling sampling_;
};

}  // namespace ds

#endif  // METRICS_HEALTH_H_

#include "metrics/health.h"

#include <algorithm>
#include <utility>

namespace ds {

Health::Health(Metrics& metrics) {
  sampling_ = metrics.Sample([this](Samples& samples) {
    const auto add = [&](const std::string& kind, const std::vector<Named>& checks) {
      for (const Named& named : checks) {
        samples.Gauge("durable_streams_health_check",
                      "Whether a check of /healthz (kind=live) or /readyz (kind=ready) passes.",
                      named.check().empty() ? 1 : 0, {{"kind", kind}, {"check", named.name}});
      }
    };
    add("live", liveness_);
    add("ready", readiness_);
  });
}

void Health::AddLiveness(std::string name, Check check) {
  liveness_.push_back({std::move(name), std::move(check)});
}

void Health::AddReadiness(std::string name, Check check) {
  readiness_.push_back({std::move(name), std::move(check)});
}

Health::Report Health::Live(bool verbose, const std::vector<std::string>& excluded) const {
  return Run("live", liveness_, verbose, excluded);
}

Health::Report Health::Ready(bool verbose, const std::vector<std::string>& excluded) const {
  return Run("ready", readiness_, verbose, excluded);
}

Health::Report Health::Run(const std::string& kind, const std::vector<Named>& checks, bool verbose,
                           const std::vector<std::string>& excluded) {
  Report report;
  std::string failed;
  for (const Named& named : checks) {
    if (std::find(excluded.begin(), excluded.end(), named.name) != excluded.end()) {
      if (verbose) report.text += "[-] " + named.name + " excluded\n";
      continue;
    }
    const std::string reason = named.check();
    if (reason.empty()) {
      if (verbose) report.text += "[+] " + named.name + " ok\n";
      continue;
    }
    report.passes = false;
    failed += (failed.empty() ? "" : "; ") + named.name + ": " + reason;
    if (verbose) report.text += "[!] " + named.name + " failed: " + reason + "\n";
  }
  if (verbose) {
    report.text += report.passes ? kind + " checks passed\n" : kind + " checks failed\n";
  } else {
    report.text = report.passes ? "ok\n" : failed + "\n";
  }
  return report;
}

}  // namespace ds

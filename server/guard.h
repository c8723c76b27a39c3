#ifndef SERVER_GUARD_H_
#define SERVER_GUARD_H_

#include <memory>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/file_watcher.h"
#include "base/http_client.h"
#include "gateway/auth/authenticator.h"
#include "gateway/auth/external_check.h"
#include "gateway/handlers/admission.h"
#include "gateway/limits/memory_guard.h"
#include "gateway/limits/rate_limiter.h"
#include "metrics/metrics.h"
#include "server/options.h"

namespace ds {

// All that decides about requests before the gateway does, made and owned together: authentication,
// the external check, limits, memory. Which of them there are, the options say.
class Guard {
 public:
  // Has `files` tell it of changed configuration; both it and the others must outlive the object,
  // but `files` must no longer run. Errors: InvalidArgument.
  static absl::StatusOr<std::unique_ptr<Guard>> Make(const ServerOptions& options, Clock& clock,
                                                     Metrics& metrics, FileWatcher& files);

  Admission& admission() { return *admission_; }

 private:
  Guard() = default;
  absl::Status LoadAuthenticator(const ServerOptions& options, Clock& clock, FileWatcher& files);

  std::unique_ptr<auth::Authenticator> authenticator_;
  std::unique_ptr<auth::ExternalCheck> external_check_;
  std::unique_ptr<RateLimiter> limiter_;
  std::unique_ptr<MemoryGuard> memory_;
  std::unique_ptr<Admission> admission_;
  Metrics::Sampling sampling_;
  // Last: its answers go to what stands above.
  std::unique_ptr<HttpClient> http_client_;
};

}  // namespace ds

#endif  // SERVER_GUARD_H_

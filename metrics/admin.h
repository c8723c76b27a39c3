#ifndef METRICS_ADMIN_H_
#define METRICS_ADMIN_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "gateway/http/server.h"
#include "metrics/health.h"
#include "metrics/metrics.h"

namespace ds {

// The admin listener, apart from the public one and on a thread of its own, so that it answers
// however busy the others are: GET /metrics, /healthz and /readyz, and
// POST /backup where the server has a way to make one. The health checks take `?verbose` (a
// line for each check) and `?exclude=NAME`, any number of times; they answer 200 or 503.
class AdminServer {
 public:
  // What POST /backup does: the body of the answer, or why there is none.
  using Backup = std::function<absl::StatusOr<std::string>()>;

  // Listens on HOST:PORT until destroyed. `metrics` and `health` must outlive the object. Errors:
  // InvalidArgument, Unavailable.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const std::string& address,
                                                            Metrics& metrics, const Health& health,
                                                            Backup backup = nullptr);
  ~AdminServer();

  // Where it listens, as HOST:PORT.
  const std::string& address() const { return server_->address(); }

 private:
  class AdminHandler;

  AdminServer(Metrics& metrics, const Health& health, Backup backup);

  http::IoThread io_;
  std::unique_ptr<AdminHandler> handler_;
  std::shared_ptr<http::ServerShared> shared_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace ds

#endif  // METRICS_ADMIN_H_

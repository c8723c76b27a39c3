#ifndef METRICS_ADMIN_H_
#define METRICS_ADMIN_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gateway/http/server.h"
#include "metrics/health.h"
#include "metrics/metrics.h"

namespace ds {

// The admin listener, apart from the public one and on a thread of its own, so that it answers
// however busy the others are: GET /metrics, /healthz and /readyz, and
// POST /backup where the server has a way to make one. The health checks take `?verbose` (a
// line for each check) and `?exclude=NAME`, any number of times; they answer 200 or 503.
//
// What changes something is not done for web pages: of other origins, or under a name that was
// made to lead here (DNS rebinding). When there are too many connections the oldest makes room, so
// those that ask nothing shut nobody out.
class AdminServer {
 public:
  // What POST /backup does: the body of the answer, or why there is none.
  using Backup = std::function<absl::StatusOr<std::string>()>;

  struct Options {
    std::string address;  // HOST:PORT
    // Names, in lower case, by which clients may ask for what changes something; they always may
    // by address and as localhost.
    std::vector<std::string> hosts;
    Backup backup;
  };

  // Listens until destroyed. `metrics` and `health` must outlive the object. Errors:
  // InvalidArgument, Unavailable.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(Options options, Metrics& metrics,
                                                            const Health& health);
  ~AdminServer();

  // Where it listens, as HOST:PORT.
  const std::string& address() const { return server_->address(); }

 private:
  class AdminHandler;

  AdminServer(Options options, Metrics& metrics, const Health& health);

  http::IoThread io_;
  std::unique_ptr<AdminHandler> handler_;
  std::shared_ptr<http::ServerShared> shared_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace ds

#endif  // METRICS_ADMIN_H_

#ifndef SERVER_SERVER_H_
#define SERVER_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/options.h"

namespace ds {

// A whole server in the calling process, for programs that embed one and for tests:
//
//   ServerOptions options;
//   options.role = Role::kDev;
//   options.listen = "127.0.0.1:0";
//   absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(options, {});
//   ... (*server)->url() ...
//   (*server)->Stop();
//
// Thread-safe.
class Server {
 public:
  // Called after the change is committed, on a thread of the server, which they must not block.
  // They tell of the streams of this process' storage, or of the one behind a gateway.
  struct Hooks {
    std::function<void(const ChangeEvent&)> stream_created;
    std::function<void(const ChangeEvent&)> stream_deleted;  // deleted or expired
    // A gateway's connection to the storage broke and is there again, or the hooks did not keep up:
    // some changes before this were not told. List the streams to find out.
    std::function<void()> changes_lost;
  };

  // Returns when the server answers. Errors: InvalidArgument, Unavailable (an address or the data
  // directory is in use), FailedPrecondition, DataLoss.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options, Hooks hooks,
                                                       Clock& clock = Clock::System());
  // Stops, if that has not been done.
  virtual ~Server() = default;

  // Stops accepting, tells live readers to reconnect, lets requests under way finish within the
  // drain timeout, commits what was accepted. Idempotent.
  virtual void Stop() = 0;

  // Where streams live: "http://HOST:PORT/v1/stream/"; empty in the role `storage`.
  virtual const std::string& url() const = 0;
  // Where metrics and health are served, as HOST:PORT; empty when they are not.
  virtual const std::string& admin_address() const = 0;
  // Where gRPC is served, as HOST:PORT; empty when it is not.
  virtual const std::string& grpc_address() const = 0;
  // The storage behind the server, for calls without HTTP.
  virtual StreamStore& store() = 0;
};

}  // namespace ds

#endif  // SERVER_SERVER_H_

#ifndef STORAGE_RPC_REMOTE_STORE_H_
#define STORAGE_RPC_REMOTE_STORE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "metrics/metrics.h"
#include "storage/api/stream_store.h"
#include "storage/rpc/tls_files.h"

namespace ds::rpc {

// A StreamStore whose storage is another process: all calls share one session (see
// proto/durablestreams/v1), and calls that gather while a message is written go out together.
//
// A broken session is opened again, with backoff. What was under way when it broke and is safe to
// repeat (reads, appends with a producer) is repeated on the next one; other writes answer
// kWriteUncertain. For a storage that cannot be reached calls wait a second, in case it is only
// being started again; then they answer kStorageUnavailable, and further ones do so at once until
// it is back. Those had no effect. A call with a deadline is answered by then, whatever the storage
// does: kDeadlineExceeded, or kWriteUncertain for a write that was sent. What follows a stream ends
// with TailEvent::kLost; what watches goes on, after ChangeEvent::kLost. Thread-safe.
class RemoteStore : public StreamStore {
 public:
  struct Options {
    std::string target;          // HOST:PORT or unix:PATH
    Metrics* metrics = nullptr;  // must outlive the store; nullptr: no metrics
    TlsFiles tls;
    std::string token_file;  // its first token goes along; see Tokens. Empty: none
    // For calls without a deadline of their own; 0: they wait as long as it takes.
    absl::Duration call_timeout = absl::Seconds(30);
  };
  // Connects in the background. Errors: InvalidArgument (TLS, the token's file).
  static absl::StatusOr<std::unique_ptr<RemoteStore>> Connect(const Options& options);

  // Whether a session is open now.
  virtual bool connected() const = 0;
};

}  // namespace ds::rpc

#endif  // STORAGE_RPC_REMOTE_STORE_H_

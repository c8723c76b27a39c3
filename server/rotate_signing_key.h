#ifndef SERVER_ROTATE_SIGNING_KEY_H_
#define SERVER_ROTATE_SIGNING_KEY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/rpc/tls_files.h"

namespace ds {

// Which data's key is to be replaced; one of the two.
struct RotateOptions {
  std::string storage;   // HOST:PORT of a running storage, or unix:PATH
  std::string data_dir;  // of a server that is stopped
  rpc::TlsFiles tls;     // with `storage`
};

// Has webhooks signed with a new key from now on (protocol section 6.5). Returns the ids of the
// published keys, the new one first. Errors: those of opening the directory, kStorageUnavailable.
absl::StatusOr<std::vector<std::string>> RotateSigningKey(const RotateOptions& options);

}  // namespace ds

#endif  // SERVER_ROTATE_SIGNING_KEY_H_

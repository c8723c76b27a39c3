#ifndef STORAGE_RPC_TOKENS_H_
#define STORAGE_RPC_TOKENS_H_

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"

namespace ds::rpc {

// The metadata in which a call carries its token: "Bearer TOKEN".
inline constexpr char kTokenMetadata[] = "authorization";

// The tokens in a file, one a line; empty lines and those that begin with # do not count. Each has
// 16 to 4,096 characters that are printable ASCII. Errors: InvalidArgument.
absl::StatusOr<std::vector<std::string>> ReadTokens(const std::string& file);

// The tokens with which clients may call a storage. Several are good at once, so that they can be
// exchanged one after the other. Thread-safe.
class Tokens {
 public:
  // Errors: as ReadTokens, and a file without any.
  static absl::StatusOr<std::unique_ptr<Tokens>> Load(const std::string& file);

  const std::string& file() const { return file_; }
  // Reads the file again. On an error what was there stays in force.
  absl::Status Reload();

  // Whether a call may go on: OK or UNAUTHENTICATED.
  grpc::Status Check(const grpc::ServerContext& context) const;

 private:
  explicit Tokens(std::string file) : file_(std::move(file)) {}

  const std::string file_;
  mutable std::mutex mutex_;
  // Guarded by mutex_: SHA-256 of each, so that comparing tells nothing of the token.
  std::shared_ptr<const std::vector<std::string>> hashes_;
};

}  // namespace ds::rpc

#endif  // STORAGE_RPC_TOKENS_H_

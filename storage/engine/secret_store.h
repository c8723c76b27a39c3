#ifndef STORAGE_ENGINE_SECRET_STORE_H_
#define STORAGE_ENGINE_SECRET_STORE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/write_batch.h"
#include "storage/engine/database.h"
#include "storage/engine/secret_keys.h"

namespace ds {

// The secrets in a data directory, which are values of the family `default`: encrypted if there
// are keys for that, plain otherwise. Not thread-safe.
class SecretStore {
 public:
  // `database` must outlive the object.
  SecretStore(Database& database, SecretKeys keys) : database_(database), keys_(std::move(keys)) {}

  // The secret at `key`; nullopt when there is none. Errors: FailedPrecondition when it is
  // encrypted with a key that is not there; DataLoss.
  absl::StatusOr<std::optional<std::string>> Get(const char* key);
  void Put(rocksdb::WriteBatch& batch, const char* key, const std::string& secret) const;

  // Encrypts with the first key what Get has found to be plain, or encrypted with another one, and
  // removes what was there before from all files of the directory. To be called at a start, when
  // all secrets were read. Errors: Unknown.
  absl::Status Renew();

 private:
  Database& database_;
  const SecretKeys keys_;
  bool outdated_ = false;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_SECRET_STORE_H_

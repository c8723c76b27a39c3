#ifndef STORAGE_ENGINE_SECRET_KEYS_H_
#define STORAGE_ENGINE_SECRET_KEYS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace ds {

// The keys that encrypt the secrets in a data directory, given from outside of it. Encryption is
// AES-256-GCM; what was encrypted names its key. A value; thread-safe.
//
//   sealed := 0x00 0x01 key_id nonce ciphertext tag
//   key_id := 8 bytes: the beginning of the SHA-256 of the text kKeyIdLabel and the key
//   nonce  := 12 random bytes
//   tag    := 16 bytes, over the ciphertext, the name of what it is, and all before the ciphertext
class SecretKeys {
 public:
  static constexpr size_t kKeyBytes = 32;

  // Without keys: nothing can be encrypted, nor decrypted.
  SecretKeys() = default;
  // Reads `file`: a key a line, each 64 hex digits; empty lines and those that begin with # do not
  // count. The first encrypts, the others only decrypt. Errors: InvalidArgument.
  static absl::StatusOr<SecretKeys> Load(const std::string& file);

  bool empty() const { return keys_.empty(); }

  // Whether `value` has the form of what Seal makes. (No plain value of a directory begins so: a
  // protobuf message has no field 0, and the other secret is shorter.)
  static bool IsSealed(std::string_view value);
  // Whether `value` is as Seal would leave it now: encrypted with the first key, or plain without
  // keys.
  bool IsCurrent(std::string_view value) const;

  // Encrypts with the first key. `name` says what it is, and has to be the same for Open. REQUIRES:
  // not empty().
  std::string Seal(std::string_view name, std::string_view plain) const;
  // What was sealed; `value` itself if it is plain. Errors: FailedPrecondition when its key is not
  // there; DataLoss when it was changed.
  absl::StatusOr<std::string> Open(std::string_view name, std::string_view value) const;

 private:
  struct Key {
    std::string id;
    std::string bytes;
  };

  std::string file_;
  std::vector<Key> keys_;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_SECRET_KEYS_H_

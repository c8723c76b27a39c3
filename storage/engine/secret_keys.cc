#include "storage/engine/secret_keys.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "openssl/evp.h"
#include "openssl/rand.h"
#include "openssl/sha.h"

namespace ds {
namespace {

constexpr std::string_view kMagic("\0\1", 2);
constexpr std::string_view kKeyIdLabel = "durable-streams secrets key\n";
constexpr size_t kIdBytes = 8;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kHeadBytes = kMagic.size() + kIdBytes + kNonceBytes;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string KeyId(std::string_view key) {
  const std::string text = absl::StrCat(absl::string_view(kKeyIdLabel.data(), kKeyIdLabel.size()),
                                        absl::string_view(key.data(), key.size()));
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(Bytes(std::string_view(text)), text.size(), Bytes(hash));
  return hash.substr(0, kIdBytes);
}

// Has the cipher take `text` as what is authenticated but not encrypted.
bool Authenticate(EVP_CIPHER_CTX* context, bool sealing, std::string_view text) {
  int size = 0;
  const auto update = sealing ? EVP_EncryptUpdate : EVP_DecryptUpdate;
  return update(context, nullptr, &size, Bytes(text), static_cast<int>(text.size())) == 1;
}

}  // namespace

absl::StatusOr<SecretKeys> SecretKeys::Load(const std::string& file) {
  std::ifstream in(file);
  if (!in) return absl::InvalidArgumentError(absl::StrCat("cannot read ", file));
  SecretKeys keys;
  keys.file_ = file;
  for (std::string line; std::getline(in, line);) {
    const std::string text(absl::StripAsciiWhitespace(line));
    if (text.empty() || text[0] == '#') continue;
    const bool hex =
        text.size() == 2 * kKeyBytes && std::all_of(text.begin(), text.end(), absl::ascii_isxdigit);
    if (!hex) {
      // The line itself may be a key with a typo, and goes to no log.
      return absl::InvalidArgumentError(
          absl::StrCat(file, ": a key is a line of 64 hex digits (openssl rand -hex 32)"));
    }
    std::string bytes = absl::HexStringToBytes(text);
    std::string id = KeyId(bytes);
    keys.keys_.push_back({std::move(id), std::move(bytes)});
  }
  if (keys.empty()) return absl::InvalidArgumentError(absl::StrCat(file, " holds no key"));
  return keys;
}

bool SecretKeys::IsSealed(std::string_view value) {
  return value.starts_with(kMagic) && value.size() >= kHeadBytes + kTagBytes;
}

bool SecretKeys::IsCurrent(std::string_view value) const {
  if (!IsSealed(value)) return empty();
  return !empty() && value.substr(kMagic.size(), kIdBytes) == keys_.front().id;
}

std::string SecretKeys::Seal(std::string_view name, std::string_view plain) const {
  std::string sealed(kMagic);
  sealed += keys_.front().id;
  std::string nonce(kNonceBytes, '\0');
  std::string cipher(plain.size(), '\0');
  std::string tag(kTagBytes, '\0');
  bool good = RAND_bytes(Bytes(nonce), static_cast<int>(nonce.size())) == 1;
  sealed += nonce;
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  good = good && EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr,
                                    Bytes(std::string_view(keys_.front().bytes)),
                                    Bytes(std::string_view(nonce))) == 1;
  good = good && Authenticate(context.get(), true, sealed) &&
         Authenticate(context.get(), true, name) &&
         EVP_EncryptUpdate(context.get(), Bytes(cipher), &size, Bytes(plain),
                           static_cast<int>(plain.size())) == 1 &&
         EVP_EncryptFinal_ex(context.get(), Bytes(cipher) + size, &size) == 1 &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag.data()) == 1;
  // Without randomness or the cipher nothing may be written, least of all in plain.
  if (!good) std::abort();
  return sealed + cipher + tag;
}

absl::StatusOr<std::string> SecretKeys::Open(std::string_view name, std::string_view value) const {
  if (!IsSealed(value)) return std::string(value);
  const std::string_view id = value.substr(kMagic.size(), kIdBytes);
  const auto key =
      std::find_if(keys_.begin(), keys_.end(), [&](const Key& key) { return key.id == id; });
  if (key == keys_.end()) {
    const std::string wanted = absl::BytesToHexString(absl::string_view(id.data(), id.size()));
    return absl::FailedPreconditionError(
        empty() ? absl::StrCat("the secrets in the data directory are encrypted with the key ",
                               wanted, ": name the file that has it by --secrets-key-file")
                : absl::StrCat("the secrets in the data directory are encrypted with the key ",
                               wanted, ", which is none of the ", keys_.size(), " in ", file_));
  }
  const std::string_view head = value.substr(0, kHeadBytes);
  const std::string_view nonce = head.substr(kMagic.size() + kIdBytes);
  const std::string_view cipher = value.substr(kHeadBytes, value.size() - kHeadBytes - kTagBytes);
  std::string tag(value.substr(value.size() - kTagBytes));
  std::string plain(cipher.size(), '\0');
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool good =
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr,
                         Bytes(std::string_view(key->bytes)), Bytes(nonce)) == 1 &&
      Authenticate(context.get(), false, head) && Authenticate(context.get(), false, name) &&
      EVP_DecryptUpdate(context.get(), Bytes(plain), &size, Bytes(cipher),
                        static_cast<int>(cipher.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), Bytes(plain) + size, &size) == 1;
  if (good) return plain;
  return absl::DataLossError(absl::StrCat("the secret ",
                                          absl::string_view(name.data(), name.size()),
                                          " of the data directory was changed or is damaged"));
}

}  // namespace ds

#include "storage/subscriptions/signing_keys.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/base64url.h"
#include "openssl/evp.h"
#include "openssl/rand.h"
#include "openssl/sha.h"

namespace ds {
namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Key PrivateKey(std::string_view seed) {
  return Key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, Bytes(seed), seed.size()));
}

// RFC 7638: the hash of the members that make the key, in this order and without spaces.
std::string Thumbprint(std::string_view public_key) {
  const std::string json =
      absl::StrCat(R"({"crv":"Ed25519","kty":"OKP","x":")", Base64Url(public_key), R"("})");
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(Bytes(json), json.size(), hash);
  return Base64Url(std::string_view(reinterpret_cast<const char*>(hash), sizeof hash));
}

}  // namespace

SigningKey SigningKey::Generate() {
  std::string seed(kSeedBytes, '\0');
  RAND_bytes(reinterpret_cast<unsigned char*>(seed.data()), static_cast<int>(seed.size()));
  return *FromSeed(std::move(seed));
}

absl::StatusOr<SigningKey> SigningKey::FromSeed(std::string seed) {
  const Key key = seed.size() == kSeedBytes ? PrivateKey(seed) : nullptr;
  if (key == nullptr) return absl::DataLossError("not a signing key");
  SigningKey result;
  size_t size = 32;
  result.public_key_.bytes.resize(size);
  EVP_PKEY_get_raw_public_key(
      key.get(), reinterpret_cast<unsigned char*>(result.public_key_.bytes.data()), &size);
  result.public_key_.id = "ds_" + Thumbprint(result.public_key_.bytes);
  result.seed_ = std::move(seed);
  return result;
}

std::string SigningKey::SignWebhook(std::string_view body, absl::Time now) const {
  const std::string time = absl::StrCat(absl::ToUnixSeconds(now));
  const std::string text = absl::StrCat(time, ".", absl::string_view(body.data(), body.size()));
  const Key key = PrivateKey(seed_);
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  unsigned char signature[64];
  size_t size = sizeof signature;
  EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get());
  EVP_DigestSign(context.get(), signature, &size, Bytes(text), text.size());
  return absl::StrCat("t=", time, ",kid=", public_key_.id, ",ed25519=",
                      Base64Url(std::string_view(reinterpret_cast<const char*>(signature), size)));
}

std::vector<PublicKey> KeyRing::Published(absl::Time now) const {
  std::vector<PublicKey> keys;
  for (const Entry& entry : entries_) {
    if (entry.replaced_at + kPublishedAfterwards > now) keys.push_back(entry.key.public_key());
  }
  return keys;
}

KeyRing KeyRing::Rotated(SigningKey key, absl::Time now) const {
  std::vector<Entry> entries{{std::move(key)}};
  for (Entry entry : entries_) {
    if (entry.replaced_at == absl::InfiniteFuture()) entry.replaced_at = now;
    if (entry.replaced_at + kPublishedAfterwards > now) entries.push_back(std::move(entry));
  }
  return KeyRing(std::move(entries));
}

}  // namespace ds

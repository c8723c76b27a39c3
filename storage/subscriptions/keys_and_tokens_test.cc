#include <string>

#include "base/base64url.h"
#include "gtest/gtest.h"
#include "openssl/evp.h"
#include "storage/api/errors.h"
#include "storage/subscriptions/signing_keys.h"
#include "storage/subscriptions/tokens.h"

namespace ds {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

class WakeTokensTest : public ::testing::Test {
 protected:
  ErrorCode Refusal(const std::string& token, const std::string& id, absl::Time now) {
    uint64_t generation;
    const absl::Status status = tokens_.Check(token, id, now, generation);
    EXPECT_FALSE(status.ok());
    return GetErrorCode(status);
  }
  const WakeTokens tokens_{std::string(WakeTokens::kSecretBytes, 's')};
};

TEST_F(WakeTokensTest, ATokenIsGoodForItsSubscriptionAndSaysItsGeneration) {
  const std::string token = tokens_.Make("sub", 7, kNow);
  uint64_t generation = 0;
  ASSERT_TRUE(tokens_.Check(token, "sub", kNow, generation).ok());
  EXPECT_EQ(generation, 7u);
  EXPECT_EQ(Refusal(token, "other", kNow), ErrorCode::kTokenInvalid);
}

TEST_F(WakeTokensTest, ATokenExpires) {
  const std::string token = tokens_.Make("sub", 7, kNow);
  EXPECT_EQ(Refusal(token, "sub", kNow + WakeTokens::kLifetime), ErrorCode::kTokenExpired);
}

TEST_F(WakeTokensTest, WhatWasChangedOrMadeElsewhereIsInvalid) {
  const std::string token = tokens_.Make("sub", 7, kNow);
  for (size_t i = 0; i < token.size(); i += 5) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(Refusal(changed, "sub", kNow), ErrorCode::kTokenInvalid) << i;
  }
  const WakeTokens others(std::string(WakeTokens::kSecretBytes, 'x'));
  EXPECT_EQ(Refusal(others.Make("sub", 7, kNow), "sub", kNow), ErrorCode::kTokenInvalid);
  // alg: none
  const std::string payload = token.substr(token.find('.'), token.rfind('.') - token.find('.'));
  EXPECT_EQ(Refusal(Base64Url(R"({"alg":"none"})") + payload + ".", "sub", kNow),
            ErrorCode::kTokenInvalid);
  for (const char* junk : {"", ".", "..", "a.b.c", "x"}) {
    EXPECT_EQ(Refusal(junk, "sub", kNow), ErrorCode::kTokenInvalid) << junk;
  }
}

TEST(SigningKeyTest, ASignatureVerifiesWithThePublicKey) {
  const SigningKey key = SigningKey::Generate();
  const std::string body = R"({"a":1})";
  const std::string header = key.SignWebhook(body, kNow);
  EXPECT_TRUE(header.starts_with("t=1800000000,kid=" + key.public_key().id + ",ed25519="))
      << header;
  const std::string signature = *FromBase64Url(header.substr(header.rfind('=') + 1));
  const std::string text = "1800000000." + body;
  EVP_PKEY* const verifier = EVP_PKEY_new_raw_public_key(
      EVP_PKEY_ED25519, nullptr,
      reinterpret_cast<const unsigned char*>(key.public_key().bytes.data()), 32);
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, verifier);
  EXPECT_EQ(EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()),
                             signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                             text.size()),
            1);
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(verifier);
}

TEST(SigningKeyTest, AKeyIsTheSameFromItsSeed) {
  const SigningKey key = SigningKey::Generate();
  EXPECT_EQ(SigningKey::FromSeed(key.seed())->public_key().id, key.public_key().id);
  EXPECT_NE(SigningKey::Generate().public_key().id, key.public_key().id);
  EXPECT_FALSE(SigningKey::FromSeed("short").ok());
}

TEST(SigningKeyTest, TheIdIsTheThumbprint) {
  // The key of RFC 8037, appendix A; its thumbprint stands there too.
  const auto key =
      SigningKey::FromSeed(*FromBase64Url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"));
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(Base64Url(key->public_key().bytes), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
  EXPECT_EQ(key->public_key().id, "ds_kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

TEST(KeyRingTest, AReplacedKeyStaysPublishedForAWhile) {
  const KeyRing first({{SigningKey::Generate()}});
  const KeyRing second = first.Rotated(SigningKey::Generate(), kNow);
  EXPECT_NE(second.current().public_key().id, first.current().public_key().id);
  const absl::Time until = kNow + KeyRing::kPublishedAfterwards;
  EXPECT_EQ(second.Published(until - absl::Seconds(1)).size(), 2u);
  EXPECT_EQ(second.Published(until).size(), 1u);
  EXPECT_EQ(second.Published(until)[0].id, second.current().public_key().id);
  EXPECT_EQ(second.Rotated(SigningKey::Generate(), until).entries().size(), 2u);
}

}  // namespace
}  // namespace ds

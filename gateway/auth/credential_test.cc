#include "gateway/auth/credential.h"

#include <string>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"

namespace ds::auth {
namespace {

using Kind = Credential::Kind;

std::string Basic(const std::string& pair) { return "Basic " + absl::Base64Escape(pair); }

TEST(CredentialTest, TakesABearerTokenWhateverTheCaseOfItsScheme) {
  for (const char* const header : {"Bearer abc", "bearer abc", "BEARER  abc"}) {
    const Credential credential = Credential::FromAuthorization(header);
    EXPECT_EQ(credential.kind(), Kind::kBearer);
    EXPECT_EQ(credential.token(), "abc");
    EXPECT_FALSE(credential.is_ambient());
    EXPECT_EQ(BearerToken(header), "abc");
  }
}

TEST(CredentialTest, TakesThePasswordOfBasic) {
  for (const char* const user : {"", "anyone", "ünï"}) {
    const std::string header = Basic(std::string(user) + ":dsk_key:with:colons");
    const Credential credential = Credential::FromAuthorization(header);
    EXPECT_EQ(credential.kind(), Kind::kBasic);
    EXPECT_EQ(credential.token(), "dsk_key:with:colons");
    EXPECT_TRUE(credential.is_ambient());
    EXPECT_EQ(BearerToken(header), "");
  }
}

TEST(CredentialTest, SaysWhatBasicCannotBeRead) {
  for (const std::string& header :
       {std::string("Basic ?"), std::string("Basic "), Basic("no colon"), Basic("user:")}) {
    const Credential credential = Credential::FromAuthorization(header);
    EXPECT_EQ(credential.kind(), Kind::kMalformed) << header;
    EXPECT_EQ(credential.token(), "");
  }
}

TEST(CredentialTest, OtherSchemesAreNone) {
  EXPECT_EQ(Credential::FromAuthorization(std::nullopt).kind(), Kind::kNone);
  for (const char* const header : {"", "Bearer", "Bearer ", "Bearerabc", "Digest x", "abc"}) {
    EXPECT_EQ(Credential::FromAuthorization(header).kind(), Kind::kNone) << header;
    EXPECT_EQ(BearerToken(header), "");
  }
}

}  // namespace
}  // namespace ds::auth

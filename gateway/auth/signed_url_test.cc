#include "gateway/auth/signed_url.h"

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "base/clock.h"
#include "base/http_client.h"
#include "gateway/auth/authenticator.h"
#include "gateway/auth/config.h"
#include "gtest/gtest.h"
#include "storage/api/errors.h"

namespace ds::auth {
namespace {

constexpr char kSecret[] = "0123456789abcdef0123456789abcdef";

UrlGrant Grant(const std::string& operations = "read", const StreamPath& path = "a/b") {
  return {.key_id = "k1", .expires = 2'000'000'000, .operations = operations, .path = path};
}

// The parameters of a query as the gateway would decode them.
QueryParameters Parse(const std::string& query) {
  QueryParameters parameters;
  for (size_t at = 0; at <= query.size();) {
    const size_t end = std::min(query.find('&', at), query.size());
    const std::string item = query.substr(at, end - at);
    const size_t equals = item.find('=');
    std::string value = item.substr(equals + 1);
    for (size_t i; (i = value.find("%2A")) != std::string::npos;) value.replace(i, 3, "*");
    parameters.emplace_back(item.substr(0, equals), value);
    at = end + 1;
  }
  return parameters;
}

TEST(SignedUrlTest, SignsTheTextThatIsSpecified) {
  UrlGrant grant = Grant("read,append");
  EXPECT_EQ(StringToSign(grant),
            "durable-streams-url-v1\nk1\n2000000000\nread,append\n\npath\na/b");
  grant.signer = "key:0011223344556677";
  grant.pattern = "a/**";
  EXPECT_EQ(StringToSign(grant),
            "durable-streams-url-v1\nk1\n2000000000\nread,append\nkey:0011223344556677\npattern\n"
            "a/**");
}

TEST(SignedUrlTest, SignsByHmacSha256) {
  // RFC 4231 has no test case of this text; the value is that of `openssl dgst -sha256 -hmac`.
  EXPECT_EQ(absl::BytesToHexString(SignGrant(Grant(), kSecret)),
            "f7cded3a8f003db77c33ffaaa0d2a0856c55c18f07dfd876b5a6db445fc1d3aa");
}

TEST(SignedUrlTest, WhatIsSignedIsReadBack) {
  for (const bool is_pattern : {false, true}) {
    UrlGrant grant = Grant("list,read");
    if (is_pattern) grant.pattern = "a/*/x*y";
    grant.signer = "jwt:0011223344556677";
    const auto url = ParseSignedUrl(Parse(SignedQuery(grant, kSecret)), "a/b");
    ASSERT_TRUE(url.ok()) << url.status();
    EXPECT_EQ(StringToSign(url->grant), StringToSign(grant));
    EXPECT_TRUE(IsGoodSignature(url->grant, kSecret, url->signature));
    EXPECT_FALSE(IsGoodSignature(url->grant, std::string(kSecret) + "x", url->signature));
  }
}

TEST(SignedUrlTest, NothingOfItCanBeChanged) {
  const std::string query = SignedQuery(Grant("read"), kSecret);
  const auto is_good = [&](const QueryParameters& parameters, const StreamPath& path = "a/b") {
    const auto url = ParseSignedUrl(parameters, path);
    return url.ok() && IsGoodSignature(url->grant, kSecret, url->signature);
  };
  EXPECT_TRUE(is_good(Parse(query)));
  EXPECT_TRUE(is_good(Parse("offset=-1&" + query + "&live=sse")));
  EXPECT_FALSE(is_good(Parse(query), "a/c"));
  EXPECT_FALSE(is_good(Parse(query), "a/b/"));
  for (const auto& [name, value] : QueryParameters{{"ds-key", "k2"},
                                                   {"ds-expires", "2000000001"},
                                                   {"ds-operations", "append"},
                                                   {"ds-operations", "read,append"}}) {
    QueryParameters changed = Parse(query);
    for (auto& parameter : changed) {
      if (parameter.first == name) parameter.second = value;
    }
    EXPECT_FALSE(is_good(changed)) << name << "=" << value;
  }
  for (const char* const more : {"ds-pattern=a/b", "ds-pattern=a/*", "ds-signer=key:00"}) {
    EXPECT_FALSE(is_good(Parse(query + "&" + more))) << more;
  }
  // A path with a star is not the pattern of the same letters.
  QueryParameters star = Parse(SignedQuery(Grant("read", "a/*"), kSecret));
  EXPECT_TRUE(is_good(star, "a/*"));
  star.emplace_back("ds-pattern", "a/*");
  EXPECT_FALSE(is_good(star, "a/*"));
  EXPECT_FALSE(is_good(star, "a/c"));
}

TEST(SignedUrlTest, WhatCannotBeReadIsRefusedWithoutSayingIt) {
  const std::string query = SignedQuery(Grant(), kSecret);
  const std::string signature = query.substr(query.rfind('=') + 1);
  const std::string rest = query.substr(0, query.rfind('&'));
  const std::vector<std::string> bad = {
      rest,  // no signature
      "ds-signature=" + signature,
      query + "&ds-signature=" + signature,
      query + "&ds-key=k1",
      query + "&ds-later=1",
      rest + "&ds-signature=",
      rest + "&ds-signature=" + signature + "=",
      rest + "&ds-signature=" + signature.substr(1),
      rest + "&ds-signature=" + signature + "AA",
      rest + "&ds-signature=" + std::string(43, '!'),
      "ds-key=&ds-expires=1&ds-operations=read&ds-signature=" + signature,
      "ds-key=a b&ds-expires=1&ds-operations=read&ds-signature=" + signature,
      "ds-key=k1&ds-expires=&ds-operations=read&ds-signature=" + signature,
      "ds-key=k1&ds-expires=-1&ds-operations=read&ds-signature=" + signature,
      "ds-key=k1&ds-expires=01&ds-operations=read&ds-signature=" + signature,
      "ds-key=k1&ds-expires=1e9&ds-operations=read&ds-signature=" + signature,
      "ds-key=k1&ds-expires=99999999999999999999&ds-operations=read&ds-signature=" + signature,
      "ds-key=k1&ds-expires=1&ds-operations=&ds-signature=" + signature,
      "ds-key=k1&ds-expires=1&ds-operations=*&ds-signature=" + signature,
      "ds-key=k1&ds-expires=1&ds-operations=subscribe&ds-signature=" + signature,
      "ds-key=k1&ds-expires=1&ds-operations=read,read&ds-signature=" + signature,
      "ds-key=k1&ds-expires=1&ds-operations=read,&ds-signature=" + signature,
      query + "&ds-signer=",
      query + "&ds-signer=a b",
      query + "&ds-pattern=",
      query + "&ds-pattern=a\nb",
      query + "&ds-pattern=a/*b*",
  };
  for (const std::string& one : bad) {
    const auto url = ParseSignedUrl(Parse(one), "a/b");
    ASSERT_FALSE(url.ok()) << one;
    EXPECT_EQ(GetErrorCode(url.status()), ErrorCode::kUrlSignatureInvalid) << one;
    EXPECT_EQ(std::string(url.status().message()).find(signature.substr(2, 8)), std::string::npos);
  }
}

// An authenticator whose clock stands where the test puts it.
class SignedUrlAuthenticatorTest : public ::testing::Test {
 protected:
  void SetUp() override { Configure("k1"); }

  // Writes a configuration in which `first` signs, and reads it.
  void Configure(const std::string& first, const std::string& more_keys = "",
                 const std::string& api_keys = kApiKeys) {
    const std::string secret_file = testing::TempDir() + "/url-secret";
    std::ofstream(secret_file) << kSecret << "\n";
    const std::string k1 = R"({"id": "k1", "secret_file": "url-secret"})";
    const std::string k2 = R"({"id": "k2", "secret": "another-secret-of-32-bytes-or-more"})";
    std::string keys = first == "k1" ? k1 : k2;
    if (!more_keys.empty()) keys += "," + (more_keys == "k1" ? k1 : k2);
    const std::string file = testing::TempDir() + "/signed-url-auth.json";
    std::ofstream(file) << R"({"url_signing": {"keys": [)" << keys
                        << R"(], "max_lifetime_seconds": 7200}, "keys": )" << api_keys << "}";
    if (authenticator_ == nullptr) {
      auto loaded = Authenticator::Load(file, *client_, clock_);
      ASSERT_TRUE(loaded.ok()) << loaded.status();
      authenticator_ = *std::move(loaded);
    } else {
      ASSERT_TRUE(authenticator_->Reload().ok());
    }
  }

  PrincipalPtr Key(const std::string& key) {
    auto principal = authenticator_->Authenticate(key);
    EXPECT_TRUE(principal.ok()) << principal.status();
    return *principal;
  }

  ErrorCode CodeOf(const std::string& query, const StreamPath& path) {
    const auto principal = authenticator_->AuthenticateUrl(Parse(query), path);
    EXPECT_FALSE(principal.ok());
    return principal.ok() ? ErrorCode::kInternal : GetErrorCode(principal.status());
  }

  static inline const std::string kApiKeys = R"([{"name": "a", "sha256": ")" +
                                             absl::BytesToHexString(Sha256("key-a")) +
                                             R"(", "expires": "2033-05-18T04:00:00Z",
          "rules": [{"paths": ["a/**"], "operations": ["read", "append"]},
                    {"paths": ["b/*"], "operations": ["read"]}]}])";

  FakeClock clock_{absl::FromUnixSeconds(2'000'000'000)};
  std::unique_ptr<HttpClient> client_ = HttpClient::Make({});
  std::unique_ptr<Authenticator> authenticator_;
};

TEST_F(SignedUrlAuthenticatorTest, APathWithAStarIsNoPattern) {
  const auto made = authenticator_->SignUrl(*Key("key-a"), {.operations = "read", .path = "a/*"});
  const auto principal = authenticator_->AuthenticateUrl(Parse(made->query), "a/*");
  ASSERT_TRUE(principal.ok()) << principal.status();
  EXPECT_TRUE((*principal)->Allows(Permission::kRead, "a/*"));
  EXPECT_FALSE((*principal)->Allows(Permission::kRead, "a/x"));
  EXPECT_FALSE((*principal)->AllowsPattern(Permission::kRead, "a/*"));
}

TEST_F(SignedUrlAuthenticatorTest, WhatIsSignedMayDoThatAndNoMore) {
  const auto made = authenticator_->SignUrl(*Key("key-a"), {.operations = "read", .path = "a/x"});
  ASSERT_TRUE(made.ok()) << made.status();
  const auto principal = authenticator_->AuthenticateUrl(Parse(made->query), "a/x");
  ASSERT_TRUE(principal.ok()) << principal.status();
  EXPECT_TRUE((*principal)->Allows(Permission::kRead, "a/x"));
  EXPECT_FALSE((*principal)->Allows(Permission::kAppend, "a/x"));
  EXPECT_FALSE((*principal)->Allows(Permission::kRead, "a/y"));
  EXPECT_FALSE((*principal)->AllowsPattern(Permission::kRead, "a/x"));
  EXPECT_TRUE((*principal)->is_signed_url);
  EXPECT_FALSE((*principal)->anonymous);
  // It signs no further ones.
  const auto further = authenticator_->SignUrl(**principal, {.operations = "read", .path = "a/x"});
  ASSERT_FALSE(further.ok());
  EXPECT_EQ(GetErrorCode(further.status()), ErrorCode::kForbidden);
}

TEST_F(SignedUrlAuthenticatorTest, ItEndsWithItsTimeAndWithItsSigner) {
  const PrincipalPtr a = Key("key-a");
  const auto lifetime = [&](std::optional<absl::Duration> wanted) {
    const auto made =
        authenticator_->SignUrl(*a, {.operations = "read", .path = "a/x", .lifetime = wanted});
    return made->expires - clock_.Wall();
  };
  EXPECT_EQ(lifetime(absl::Seconds(10)), absl::Seconds(10));
  EXPECT_EQ(lifetime(std::nullopt), a->expires - clock_.Wall());  // 26 min 40 s from now
  EXPECT_EQ(lifetime(absl::Hours(100)), a->expires - clock_.Wall());
  const auto made = authenticator_->SignUrl(
      *a, {.operations = "read", .path = "a/x", .lifetime = absl::Seconds(10)});
  clock_.Advance(absl::Seconds(9));
  EXPECT_TRUE(authenticator_->AuthenticateUrl(Parse(made->query), "a/x").ok());
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(CodeOf(made->query, "a/x"), ErrorCode::kUrlExpired);
  // It is the calendar's time that it names.
  clock_.Step(absl::Seconds(-5));
  EXPECT_TRUE(authenticator_->AuthenticateUrl(Parse(made->query), "a/x").ok());
  clock_.Step(absl::Seconds(5));
  // Forged and late is forged.
  EXPECT_EQ(CodeOf(made->query, "a/y"), ErrorCode::kUrlSignatureInvalid);
}

TEST_F(SignedUrlAuthenticatorTest, ItHoldsWhileItsSigningKeyAndItsSignerAreThere) {
  const auto made = authenticator_->SignUrl(*Key("key-a"), {.operations = "read", .path = "a/x"});
  const auto works = [&] {
    return authenticator_->AuthenticateUrl(Parse(made->query), "a/x").ok();
  };
  Configure("k2", "k1");
  EXPECT_TRUE(works());
  const auto newer = authenticator_->SignUrl(*Key("key-a"), {.operations = "read", .path = "a/x"});
  EXPECT_NE(newer->query.find("ds-key=k2"), std::string::npos);
  Configure("k2");
  EXPECT_EQ(CodeOf(made->query, "a/x"), ErrorCode::kUrlSignatureInvalid);
  EXPECT_TRUE(authenticator_->AuthenticateUrl(Parse(newer->query), "a/x").ok());
  Configure("k1");
  EXPECT_TRUE(works());
  // Without the API key that had it signed it is worth nothing, whatever stands in its place.
  Configure("k1", "",
            R"([{"name": "a", "sha256": ")" + std::string(64, '0') +
                R"(", "rules": [{"paths": ["**"], "operations": ["*"]}]}])");
  EXPECT_FALSE(works());
  // With fewer rights of that key it has fewer.
  Configure("k1", "",
            R"([{"name": "a", "sha256": ")" + absl::BytesToHexString(Sha256("key-a")) +
                R"(", "rules": [{"paths": ["b/*"], "operations": ["read"]}]}])");
  ASSERT_TRUE(works());
  EXPECT_FALSE((*authenticator_->AuthenticateUrl(Parse(made->query), "a/x"))
                   ->Allows(Permission::kRead, "a/x"));
}

TEST(UrlSigningConfigTest, SlipsAreErrorsThatSayWhere) {
  const std::pair<const char*, const char*> slips[] = {
      {R"({"url_signing": {}})", "keys are missing"},
      {R"({"url_signing": {"keys": []}})", "keys are missing"},
      {R"({"url_signing": {"key": []}})", "unknown member"},
      {R"({"url_signing": {"keys": [{"id": "a b", "secret_file": "x"}]}})", "id must be"},
      {R"({"url_signing": {"keys": [{"id": "a"}]}})", "one of secret and secret_file"},
      {R"({"url_signing": {"keys": [{"id": "a", "secret": "x", "secret_file": "y"}]}})", "one of"},
      {R"({"url_signing": {"keys": [{"id": "a", "secret": "short"}]}})", "32 bytes"},
      {R"({"url_signing": {"keys": [{"id": "a", "secret_file": "x"},
                                    {"id": "a", "secret_file": "y"}]}})",
       "same id"},
  };
  for (const auto& [json, message] : slips) {
    const auto config = ParseAuthConfig(json, "/");
    ASSERT_FALSE(config.ok()) << json;
    EXPECT_NE(std::string(config.status().message()).find(message), std::string::npos)
        << config.status();
  }
}

}  // namespace
}  // namespace ds::auth

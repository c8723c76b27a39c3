#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "base/base64url.h"
#include "gateway/auth/config.h"
#include "gateway/auth/jwt.h"
#include "gateway/auth/rules.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ds::auth {
namespace {

using ::testing::HasSubstr;

RuleSet Rules(const std::string& json) {
  auto rules = ParseRules(nlohmann::json::parse(json));
  EXPECT_TRUE(rules.ok()) << rules.status();
  return rules.ok() ? *rules : RuleSet();
}

TEST(RulesTest, AllowWhatTheyNameWhereTheyNameIt) {
  const RuleSet rules = Rules(R"([{"paths": ["a/*"], "operations": ["read", "append"]},
                                  {"paths": ["b/**"], "operations": ["*"]}])");
  EXPECT_TRUE(rules.Allows(Permission::kRead, "a/x"));
  EXPECT_FALSE(rules.Allows(Permission::kDelete, "a/x"));
  EXPECT_FALSE(rules.Allows(Permission::kRead, "a/x/y"));
  EXPECT_TRUE(rules.Allows(Permission::kDelete, "b/x/y"));
  EXPECT_TRUE(rules.Sees("a/x"));
  EXPECT_FALSE(rules.Sees("c"));
}

TEST(RulesTest, FillClaimsIn) {
  const RuleSet rules = Rules(R"([{"paths": ["users/{sub}/**"], "operations": ["read"]}])");
  const auto filled = [&](std::optional<std::string> sub) {
    return rules.Filled(
        [&](const std::string& name) { return name == "sub" ? sub : std::nullopt; });
  };
  EXPECT_TRUE(filled("ada").Allows(Permission::kRead, "users/ada/inbox"));
  EXPECT_FALSE(filled("ada").Allows(Permission::kRead, "users/bob/inbox"));
  // A subject must not widen its own pattern.
  for (const char* const sub : {"", "*", "**", "a*", "ada/..", "..", ".", "{sub}"}) {
    EXPECT_TRUE(filled(sub).rules().empty()) << sub;
  }
  EXPECT_TRUE(filled(std::nullopt).rules().empty());
}

TEST(RulesTest, APatternIsAllowedOnlyWhereAllItsPathsAre) {
  const RuleSet rules = Rules(R"([{"paths": ["a/**", "b/*"], "operations": ["read"]}])");
  EXPECT_TRUE(rules.AllowsPattern(Permission::kRead, "a/**"));
  EXPECT_TRUE(rules.AllowsPattern(Permission::kRead, "a/x/*"));
  EXPECT_TRUE(rules.AllowsPattern(Permission::kRead, "b/*"));
  EXPECT_FALSE(rules.AllowsPattern(Permission::kRead, "b/**"));
  EXPECT_FALSE(rules.AllowsPattern(Permission::kRead, "**"));
  EXPECT_FALSE(rules.AllowsPattern(Permission::kRead, "*/x"));
  EXPECT_FALSE(rules.AllowsPattern(Permission::kAppend, "a/**"));
}

TEST(ConfigTest, SlipsAreErrorsThatSayWhere) {
  const std::pair<const char*, const char*> slips[] = {
      {"{", "parse error"},
      {"[]", "expected an object"},
      {R"({"key": []})", "unknown member 'key'"},
      {R"({"keys": {}})", "keys: expected an array"},
      {R"({"keys": [{"sha256": "00"}]})", "keys[0]: name is missing"},
      {R"({"keys": [{"name": "a", "sha256": "00"}]})", "64 hex digits"},
      {R"({"jwt": [{"issuer": "i"}]})", "one of jwks_url, jwks_file and key_file"},
      {R"({"jwt": [{"issuer": "i", "jwks_url": "ftp://x"}]})", "https://"},
      {R"({"jwt": [{"jwks_url": "https://x"}]})", "issuer is missing"},
      {R"({"jwt": [{"issuer": "i", "jwks_url": "https://x", "clock_skew_seconds": -1}]})",
       "number of seconds"},
      {R"({"anonymous": {"rules": [{"paths": ["a"], "operations": ["raed"]}]}})",
       "unknown operation 'raed'"},
      {R"({"anonymous": {"rules": [{"paths": "a", "operations": ["read"]}]}})",
       "arrays of strings"},
      {R"({"anonymous": {"rules": [{"path": ["a"], "operations": ["read"]}]}})",
       "unknown member 'path'"},
  };
  for (const auto& [json, message] : slips) {
    const auto config = ParseAuthConfig(json, "/");
    ASSERT_FALSE(config.ok()) << json;
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(message));
  }
}

TEST(ConfigTest, AFileIsBounded) {
  EXPECT_FALSE(ParseAuthConfig(R"({"keys":)" + std::string(20, '[') + "}", "/").ok());
  EXPECT_FALSE(ParseAuthConfig("{" + std::string(17 << 20, ' ') + "}", "/").ok());
}

TEST(ConfigTest, KeysDifferAndAreFoundByTheirHash) {
  const std::string key = NewApiKey();
  EXPECT_NE(key, NewApiKey());
  EXPECT_THAT(key, testing::MatchesRegex("dsk_[A-Za-z0-9_-]{43}"));
  EXPECT_EQ(Sha256("").size(), 32u);
}

// RFC 8037, appendix A.4: a key and what it signed.
constexpr char kEd25519Jwks[] =
    R"({"keys": [{"kty":"OKP","crv":"Ed25519","kid":"one",
                  "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";
constexpr char kEd25519Jws[] =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

TEST(JwtTest, VerifiesTheExampleOfRfc8037) {
  const auto keys = ParseJwks(kEd25519Jwks);
  ASSERT_TRUE(keys.ok());
  ASSERT_EQ(keys->size(), 1u);
  // Its payload is no JSON, so it is no token; only the signature is looked at here.
  const std::string_view text = kEd25519Jws;
  Jwt jwt;
  jwt.algorithm = Algorithm::kEdDsa;
  const size_t dot = text.rfind('.');
  jwt.signed_part = text.substr(0, dot);
  std::string signature;
  ASSERT_TRUE(absl::WebSafeBase64Unescape(
      absl::string_view(text.data() + dot + 1, text.size() - dot - 1), &signature));
  jwt.signature = signature;
  EXPECT_EQ(VerifySignature(jwt, *keys), Verdict::kGood);
  jwt.signature[10] ^= 1;
  EXPECT_EQ(VerifySignature(jwt, *keys), Verdict::kBad);
  jwt.key_id = "two";
  EXPECT_EQ(VerifySignature(jwt, *keys), Verdict::kUnknownKey);
  // The same key does not stand for another algorithm.
  jwt.signature = signature;
  jwt.key_id.clear();
  jwt.algorithm = Algorithm::kRs256;
  EXPECT_EQ(VerifySignature(jwt, *keys), Verdict::kBad);
  jwt.algorithm = Algorithm::kEs256;
  EXPECT_EQ(VerifySignature(jwt, *keys), Verdict::kBad);
}

TEST(JwtTest, LeavesKeysOutThatAreNotForIt) {
  const auto keys = ParseJwks(R"({"keys": [
      {"kty":"oct","k":"c2VjcmV0"},
      {"kty":"EC","crv":"P-521","x":"AA","y":"AA"},
      {"kty":"EC","crv":"P-256","x":"AA","y":"AA"},
      {"kty":"RSA","n":"AQAB","e":"AQAB"},
      {"kty":"OKP","crv":"Ed25519","use":"enc","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
      {"kty":"OKP","crv":"Ed25519","alg":"RS256","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
      17, null, {}]})");
  ASSERT_TRUE(keys.ok());
  EXPECT_TRUE(keys->empty());
  EXPECT_FALSE(ParseJwks("{}").ok());
  EXPECT_FALSE(ParseJwks("nothing").ok());
}

TEST(JwtTest, RefusesWhatIsNoTokenOrNoAlgorithm) {
  const auto encode = [](const std::string& text) {
    std::string out;
    absl::WebSafeBase64Escape(text, &out);
    return out.substr(0, out.find('='));
  };
  const std::string claims = encode(R"({"iss":"i"})");
  for (const std::string& token :
       std::vector<std::string>{"", ".", "..", "a.b", "a.b.c.d", "!!.e30.AA",
                                encode(R"({"alg":"none"})") + "." + claims + ".",
                                encode(R"({"alg":"None"})") + "." + claims + ".AA",
                                encode(R"({"alg":"HS256"})") + "." + claims + ".AA",
                                encode(R"({"alg":"eddsa"})") + "." + claims + ".AA",
                                encode(R"({"alg":["EdDSA"]})") + "." + claims + ".AA",
                                encode(R"({})") + "." + claims + ".AA",
                                encode(R"({"alg":"EdDSA","crit":["exp"]})") + "." + claims + ".AA",
                                encode(R"({"alg":"EdDSA"})") + "." + encode("[]") + ".AA",
                                encode(R"({"alg":"EdDSA"})") + "." + claims + ".AA=="}) {
    EXPECT_FALSE(ParseJwt(token).ok()) << token;
  }
  EXPECT_TRUE(ParseJwt(encode(R"({"alg":"EdDSA"})") + "." + claims + ".AA").ok());
}

TEST(JwtTest, BombsAreRefusedBeforeTheyBecomeATree) {
  const auto token = [](std::string_view header, std::string_view claims) {
    return ParseJwt(Base64Url(header) + "." + Base64Url(claims) + ".AA");
  };
  constexpr char kHeader[] = R"({"alg":"EdDSA"})";
  EXPECT_TRUE(token(kHeader, "{}").ok());
  const auto nested = [](size_t depth) {
    return R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(token(kHeader, nested(7)).ok());
  EXPECT_FALSE(token(kHeader, nested(8)).ok());
  EXPECT_FALSE(token(nested(10'000), "{}").ok());
  std::string many = R"({"a":[0)";
  for (int i = 0; i < 2'000; ++i) many += ",0";
  EXPECT_FALSE(token(kHeader, many + "]}").ok());
  EXPECT_FALSE(token(kHeader, "{\"a\":\"" + std::string(40'000, 'x') + "\"}").ok());
  EXPECT_FALSE(ParseJwks(R"({"keys":)" + nested(100) + "}").ok());
  EXPECT_FALSE(ParseJwks(R"({"keys":[)" + std::string(2 << 20, ' ') + "]}").ok());
}

TEST(JwtTest, JudgesTimesWithTheSkew) {
  const absl::Time now = absl::FromUnixSeconds(1'000'000);
  const ClaimRules rules{.issuer = "i", .audience = "a", .clock_skew = absl::Seconds(10)};
  const auto check = [&](const std::string& more) {
    return CheckClaims(nlohmann::json::parse(R"({"iss":"i","aud":["x","a"])" + more + "}"), rules,
                       now);
  };
  EXPECT_TRUE(check(R"(,"exp":1000001)").ok());
  EXPECT_TRUE(check(R"(,"exp":999991)").ok());
  EXPECT_FALSE(check(R"(,"exp":999990)").ok());
  EXPECT_FALSE(check("").ok());
  EXPECT_FALSE(check(R"(,"exp":"1000001")").ok());
  EXPECT_FALSE(check(R"(,"exp":1e300)").ok());
  EXPECT_TRUE(check(R"(,"exp":1000001,"nbf":1000010)").ok());
  EXPECT_FALSE(check(R"(,"exp":1000100,"nbf":1000011)").ok());
  EXPECT_FALSE(check(R"(,"exp":1000100,"iat":1000011)").ok());
}

TEST(JwtTest, JudgesIssuerAndAudience) {
  const absl::Time now = absl::FromUnixSeconds(1'000'000);
  const ClaimRules rules{.issuer = "i", .audience = "a"};
  const auto check = [&](const std::string& json) {
    return CheckClaims(nlohmann::json::parse(json), rules, now).ok();
  };
  EXPECT_TRUE(check(R"({"iss":"i","aud":"a","exp":1000100})"));
  EXPECT_FALSE(check(R"({"iss":"j","aud":"a","exp":1000100})"));
  EXPECT_FALSE(check(R"({"aud":"a","exp":1000100})"));
  EXPECT_FALSE(check(R"({"iss":"i","aud":"b","exp":1000100})"));
  EXPECT_FALSE(check(R"({"iss":"i","aud":["b"],"exp":1000100})"));
  EXPECT_FALSE(check(R"({"iss":"i","exp":1000100})"));
}

TEST(AuthConfigTest, ANumberOutOfRangeIsAnError) {
  const auto config = ParseAuthConfig(R"({"jwt": [{"clock_skew_seconds": 2e308}]})", "/");
  EXPECT_FALSE(config.ok());
}

}  // namespace
}  // namespace ds::auth

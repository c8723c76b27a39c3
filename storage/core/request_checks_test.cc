#include "storage/core/request_checks.h"

#include <string>

#include "gtest/gtest.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

using Call = SubscriptionCall;

TEST(CheckRequest, AContentTypeIsAMediaType) {
  const auto check = [](const std::string& content_type) {
    return CheckRequest(CreateRequest{.path = "s", .content_type = content_type}).ok();
  };
  EXPECT_TRUE(check(""));
  EXPECT_TRUE(check("text/plain; charset=utf-8"));
  for (const std::string& bad :
       {std::string("text"), std::string("text/plain\r\nX-Injected: 1"), std::string("a/b\n"),
        std::string("a/b\0", 4), "a/" + std::string(1 << 20, 'b')}) {
    EXPECT_FALSE(check(bad)) << bad.substr(0, 40);
  }
}

TEST(CheckRequest, APathIsNotTooDeepToBeCreated) {
  const auto check = [](size_t segments) {
    std::string path = "s";
    for (size_t i = 1; i < segments; ++i) path += "/s";
    return CheckRequest(CreateRequest{.path = *StreamPath::Parse(path)});
  };
  EXPECT_TRUE(check(kMaxPathSegments).ok());
  EXPECT_EQ(GetErrorCode(check(kMaxPathSegments + 1)), ErrorCode::kInvalidPath);
}

TEST(CheckRequest, AnExpiryIsWhatItsTextSays) {
  const absl::Time time = absl::FromUnixSeconds(1'900'000'000);
  const auto check = [&](const std::string& text, std::optional<uint64_t> ttl = {}) {
    return CheckRequest(
               CreateRequest{
                   .path = "s",
                   .lifetime = {.ttl_seconds = ttl, .expires_at = time, .expires_at_text = text}})
        .ok();
  };
  EXPECT_TRUE(check("2030-03-17T17:46:40Z"));
  EXPECT_TRUE(check("2030-03-17T18:46:40+01:00"));
  EXPECT_FALSE(check("2030-03-17T17:46:40Z", 5));
  for (const char* const bad : {"", "2030-03-17T17:46:41Z", "infinite-future", "-2030-03-17",
                                "2030-03-17T17:46:40Z\r\nX-Injected: 1", "soon"}) {
    EXPECT_FALSE(check(bad)) << bad;
  }
  EXPECT_FALSE(check("2030-03-17T17:46:40" + std::string(1000, ' ') + "Z"));
}

TEST(CheckRequest, AProducerHasANameAndSafeNumbers) {
  const auto check = [](const ProducerTag& producer) {
    return CheckRequest(AppendRequest{.path = "s", .producer = producer}).ok();
  };
  EXPECT_TRUE(check({"p", kMaxSafeInteger, kMaxSafeInteger}));
  EXPECT_TRUE(check({std::string(kMaxProducerIdBytes, 'p'), 0, 0}));
  EXPECT_FALSE(check({"", 0, 0}));
  EXPECT_FALSE(check({std::string(kMaxProducerIdBytes + 1, 'p'), 0, 0}));
  EXPECT_FALSE(check({"p\r\n", 0, 0}));
  EXPECT_FALSE(check({"p", kMaxSafeInteger + 1, 0}));
  EXPECT_FALSE(check({"p", 0, kMaxSafeInteger + 1}));
}

TEST(CheckRequest, AStreamSeqIsShortText) {
  const auto check = [](const std::string& seq) {
    return CheckRequest(AppendRequest{.path = "s", .stream_seq = seq}).ok();
  };
  EXPECT_TRUE(check("0001"));
  EXPECT_FALSE(check(""));
  EXPECT_FALSE(check("1\n"));
  EXPECT_FALSE(check(std::string(kMaxStreamSeqBytes + 1, '1')));
}

TEST(CheckRequest, ASubscriptionHasAnIdThatCanBeAPartOfAUrl) {
  for (const std::string& id :
       {std::string(), std::string("a/b"), std::string("a\nb"), std::string(257, 'a')}) {
    EXPECT_EQ(GetErrorCode(CheckRequest(Call{id, Call::Get{}})), ErrorCode::kInvalidSubscription);
  }
  EXPECT_TRUE(CheckRequest(Call{"a", Call::Get{}}).ok());
  EXPECT_TRUE(CheckRequest(Call{"", Call::SigningKeys{}}).ok());
  EXPECT_FALSE(CheckRequest(Call{"a", Call::Put{{}, "http://host/\r\n"}}).ok());
  EXPECT_FALSE(CheckRequest(Call{"a", Call::Claim{std::string(2000, 'w')}}).ok());
  EXPECT_FALSE(CheckRequest(Call{"a", Call::Release{{.token = std::string(5000, 't')}}}).ok());
}

}  // namespace
}  // namespace ds

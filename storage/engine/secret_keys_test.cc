#include "storage/engine/secret_keys.h"

#include <fstream>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ds {
namespace {

using ::testing::HasSubstr;

SecretKeys Keys(const std::string& lines) {
  const std::string file = ::testing::TempDir() + "/secret_keys";
  std::ofstream(file) << lines;
  absl::StatusOr<SecretKeys> keys = SecretKeys::Load(file);
  EXPECT_TRUE(keys.ok()) << keys.status();
  return *std::move(keys);
}

const std::string kOne(64, '1');
const std::string kTwo = std::string(32, 'a') + std::string(32, 'B');

TEST(SecretKeysTest, WhatIsSealedOpensWithTheSameNameOnly) {
  const SecretKeys keys = Keys(kOne);
  const std::string sealed = keys.Seal("name", "a secret");
  EXPECT_TRUE(SecretKeys::IsSealed(sealed));
  EXPECT_THAT(sealed, ::testing::Not(HasSubstr("secret")));
  EXPECT_EQ(*keys.Open("name", sealed), "a secret");
  EXPECT_EQ(keys.Open("other", sealed).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(*keys.Open("name", keys.Seal("name", "")), "");
}

TEST(SecretKeysTest, EveryChangedBitIsNoticed) {
  const SecretKeys keys = Keys(kOne);
  const std::string sealed = keys.Seal("name", "a secret");
  size_t tried = 0;
  for (size_t i = 2; i < sealed.size(); ++i) {  // the first two say that it is sealed
    for (int bit = 0; bit < 8; ++bit, ++tried) {
      std::string changed = sealed;
      changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
      EXPECT_FALSE(keys.Open("name", changed).ok()) << i;
    }
  }
  EXPECT_EQ(tried, 8 * (8 + 12 + 8 + 16u));
  for (size_t size = 39; size < sealed.size(); ++size) {
    EXPECT_FALSE(keys.Open("name", sealed.substr(0, size)).ok()) << size;
  }
}

TEST(SecretKeysTest, NothingIsSealedTwiceAlike) {
  const SecretKeys keys = Keys(kOne);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(keys.Seal("name", "a secret"));
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(SecretKeysTest, TheFirstSealsAllOpen) {
  const SecretKeys one = Keys(kOne);
  const SecretKeys both = Keys(kTwo + "\n# the former\n" + kOne + "\r\n");
  const SecretKeys two = Keys("\n" + kTwo);
  const std::string old = one.Seal("name", "a secret");
  EXPECT_EQ(*both.Open("name", old), "a secret");
  EXPECT_FALSE(both.IsCurrent(old));
  const std::string renewed = both.Seal("name", "a secret");
  EXPECT_TRUE(both.IsCurrent(renewed));
  EXPECT_EQ(*two.Open("name", renewed), "a secret");
  const absl::Status refused = one.Open("name", renewed).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("none of the 1"));
  EXPECT_THAT(std::string(SecretKeys().Open("name", renewed).status().message()),
              HasSubstr("--secrets-key-file"));
}

TEST(SecretKeysTest, PlainIsLeftAlone) {
  EXPECT_EQ(*SecretKeys().Open("name", "plain"), "plain");
  EXPECT_TRUE(SecretKeys().IsCurrent("plain"));
  EXPECT_EQ(*Keys(kOne).Open("name", "plain"), "plain");
  EXPECT_FALSE(Keys(kOne).IsCurrent("plain"));
}

}  // namespace
}  // namespace ds

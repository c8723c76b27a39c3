#include "storage/engine/stream_cache.h"

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace ds {
namespace {

constexpr size_t kCapacity = 640;

EntryPtr Entry(int i) {
  StreamConfig config;
  config.content_type = "text/plain";
  config.lineage = Lineage(static_cast<uint64_t>(i) + 1);
  auto entry = std::make_shared<StreamEntry>("s" + std::to_string(i), std::move(config));
  entry->Publish();
  return entry;
}

class StreamCacheTest : public testing::Test {
 protected:
  std::unique_ptr<Database> database_ = *Database::Open({});
  StreamCache cache_{*database_, kCapacity};
};

TEST_F(StreamCacheTest, StaysBoundedEvenWhenEverythingIsUsed) {
  for (int i = 0; i < 5000; ++i) {
    cache_.Insert(Entry(i));
    for (int used = std::max(0, i - 1000); used < i; used += 50) {
      ASSERT_TRUE(cache_.Find("s" + std::to_string(used)).ok());
    }
  }
  EXPECT_LE(cache_.size(), kCapacity + 64);
}

TEST_F(StreamCacheTest, WhatIsUsedOutlivesWhatIsNot) {
  cache_.Insert(Entry(0));
  for (int i = 1; i < 5000; ++i) {
    cache_.Insert(Entry(i));
    // It is not on disk: once out of the cache it is gone.
    ASSERT_NE(*cache_.Find("s0"), nullptr) << i;
  }
  EXPECT_EQ(*cache_.Find("s1"), nullptr);
}

TEST_F(StreamCacheTest, WhatSomebodyHoldsStays) {
  const EntryPtr held = Entry(0);
  cache_.Insert(held);
  for (int i = 1; i < 5000; ++i) cache_.Insert(Entry(i));
  EXPECT_EQ(*cache_.Find("s0"), held);
}

}  // namespace
}  // namespace ds

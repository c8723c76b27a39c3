#include "storage/engine/record.h"

#include "gtest/gtest.h"
#include "storage/engine/keys.h"

namespace ds {
namespace {

TEST(Record, ComesBackAsItWasWritten) {
  const std::vector<uint32_t> sizes{3, 200, 1};
  const std::string value = EncodeRecordHeader("seq-7", {203, 1}, sizes) + std::string(204, 'x');
  RecordView view;
  ASSERT_TRUE(DecodeRecord(value, view));
  EXPECT_EQ(view.stream_seq, "seq-7");
  EXPECT_EQ(view.payload, std::string(204, 'x'));
  std::vector<uint32_t> decoded;
  ASSERT_TRUE(DecodeMessageSizes(view, decoded));
  EXPECT_EQ(decoded, sizes);
  ASSERT_TRUE(DecodeAppendSizes(view, decoded));
  EXPECT_EQ(decoded, (std::vector<uint32_t>{203, 1}));
}

TEST(Record, RefusesWhatWasCutOffOrChanged) {
  const std::string value = EncodeRecordHeader("seq", {3, 1}, {4}) + "data";
  RecordView view;
  EXPECT_FALSE(DecodeRecord("", view));
  EXPECT_FALSE(DecodeRecord(value.substr(0, 3), view));
  EXPECT_FALSE(DecodeRecord(value.substr(0, value.size() - 4), view)) << "no payload";
  EXPECT_FALSE(DecodeRecord("\x7f", view)) << "unknown flags";
  std::vector<uint32_t> sizes;
  const std::string shortened = value.substr(0, value.size() - 1);
  ASSERT_TRUE(DecodeRecord(shortened, view));
  EXPECT_FALSE(DecodeMessageSizes(view, sizes)) << "sizes do not add up";
  EXPECT_FALSE(DecodeAppendSizes(view, sizes)) << "sizes do not add up";
}

TEST(Record, OfOneAppendNamesNoSizes) {
  const std::string value = EncodeRecordHeader("", {4}, {}) + "data";
  EXPECT_EQ(value, std::string("\0data", 5));
  RecordView view;
  ASSERT_TRUE(DecodeRecord(value, view));
  std::vector<uint32_t> sizes;
  ASSERT_TRUE(DecodeAppendSizes(view, sizes));
  EXPECT_EQ(sizes, std::vector<uint32_t>{4});
  ASSERT_TRUE(DecodeMessageSizes(view, sizes));
  EXPECT_TRUE(sizes.empty());
}

TEST(Keys, OrderIsStreamThenPosition) {
  EXPECT_LT(RecordKey(1, 255), RecordKey(1, 256));
  EXPECT_LT(RecordKey(1, ~0ull), RecordKey(2, 0));
  EXPECT_EQ(RecordKeyStream(RecordKey(7, 9)), 7u);
  EXPECT_EQ(RecordKeyStart(RecordKey(7, 9)), 9u);
}

TEST(Keys, TimersComeInTheOrderOfTheirDeadlines) {
  EXPECT_LT(TimerKey({1000, 9}), TimerKey({1001, 1}));
  EXPECT_EQ(DecodeTimerKey(TimerKey({1000, 9}))->deadline_nanos, 1000);
  EXPECT_FALSE(DecodeTimerKey("short"));
}

}  // namespace
}  // namespace ds

#include "storage/api/call_context.h"

#include <string>

#include "gtest/gtest.h"

namespace ds {
namespace {

constexpr char kExample[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContextTest, ReadsAndWritesTraceparent) {
  const auto trace = ParseTraceparent(kExample);
  ASSERT_TRUE(trace.has_value());
  EXPECT_EQ(trace->trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(trace->flags, 1);
  EXPECT_EQ(trace->ToTraceparent(), kExample);
}

TEST(TraceContextTest, TakesLaterVersionsAsFarAsItKnowsThem) {
  EXPECT_TRUE(ParseTraceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
  EXPECT_TRUE(ParseTraceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what"));
}

TEST(TraceContextTest, RefusesWhatIsMalformed) {
  for (const char* const text : {
           "",
           "00",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
           "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
           "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
       }) {
    EXPECT_FALSE(ParseTraceparent(text)) << text;
  }
}

TEST(TraceContextTest, ASpanIsOfItsTrace) {
  const TraceContext parent = *ParseTraceparent(kExample);
  const TraceContext child = NewSpan(parent);
  EXPECT_EQ(child.trace_id(), parent.trace_id());
  EXPECT_EQ(child.flags, parent.flags);
  EXPECT_NE(child.span, parent.span);
}

TEST(TraceContextTest, NewTracesAreValidAndDiffer) {
  const TraceContext one = NewTrace();
  const TraceContext other = NewTrace();
  EXPECT_TRUE(one.valid());
  EXPECT_NE(one.trace_id(), other.trace_id());
  EXPECT_FALSE(TraceContext().valid());
}

}  // namespace
}  // namespace ds

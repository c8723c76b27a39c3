#include "gateway/protocol/conditions.h"

#include <string>

#include "gateway/protocol/etag.h"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

const Offset kTail{Offset::kFirstIncarnation, 100};
const std::string kStart = "-1";
const std::string kTailText = kTail.ToString();
// As reads spell it.
const std::string kTag = "\"7:" + kStart + ":" + kTailText + "\"";

VersionTags Parsed(const std::string& if_match) {
  const auto condition = ParseWriteCondition(if_match, std::nullopt, std::nullopt);
  EXPECT_TRUE(condition.ok()) << if_match;
  return condition.ok() ? *(*condition)->match : VersionTags{.any = true};
}

TEST(Conditions, WithoutFieldsThereIsNone) {
  EXPECT_EQ(*ParseWriteCondition(std::nullopt, std::nullopt, std::nullopt), nullptr);
}

TEST(Conditions, TheTagsOfReadsNameTheStateAtTheirEnd) {
  ReadResult read;
  read.info.stream_id = 7;
  read.start = {Offset::kFirstIncarnation, 50};
  read.next = kTail;
  const VersionTag open{7, kTail, false};
  const VersionTag closed{7, kTail, true};
  for (const char* encoding : {"", "gzip", "br", "zstd"}) {
    read.up_to_date = read.info.closed = false;
    EXPECT_EQ(Parsed(Etag(read, encoding)), VersionTags{.tags = {open}}) << Etag(read, encoding);
    read.up_to_date = read.info.closed = true;
    EXPECT_EQ(Parsed(Etag(read, encoding)), VersionTags{.tags = {closed}}) << Etag(read, encoding);
  }
}

RC_GTEST_PROP(Conditions, TheTagOfAStateNamesIt, (uint64_t id, bool closed)) {
  RC_PRE(id != 0);
  const StreamVersion version{
      id,
      {Offset::kFirstIncarnation + *rc::gen::inRange<uint64_t>(0, 1'000'000'000'000),
       *rc::gen::inRange<uint64_t>(0, 1'000'000'000'000)},
      closed};
  RC_ASSERT(Parsed(Etag(version)) == (VersionTags{.tags = {{id, version.tail, closed}}}));
  RC_ASSERT(Parsed("\"" + version.tail.ToString() + "\"") ==
            (VersionTags{.tags = {{.tail = version.tail}}}));
}

TEST(Conditions, AListHasCommasSpacesAndEmptyElements) {
  const VersionTags both{.tags = {{7, kTail, false}, {.tail = kTail}}};
  for (const std::string& list :
       {kTag + ",\"" + kTailText + "\"", " " + kTag + " ,\t, \"" + kTailText + "\" , ",
        ",," + kTag + ",\"a,b\",\"" + kTailText + "\""}) {
    EXPECT_EQ(Parsed(list), both) << list;
  }
  EXPECT_EQ(Parsed(""), VersionTags{});
  EXPECT_EQ(Parsed(" * "), VersionTags{.any = true});
}

TEST(Conditions, WeakTagsCountInIfNoneMatchOnly) {
  const std::string weak = "W/" + kTag;
  EXPECT_EQ(Parsed(weak), VersionTags{});
  EXPECT_EQ((*ParseWriteCondition(std::nullopt, weak, std::nullopt))->none_match,
            (VersionTags{.tags = {{7, kTail, false}}}));
}

TEST(Conditions, ForeignTagsNameNothing) {
  for (const std::string& content :
       {std::string("a"), std::string(), kTailText + "x", "0:" + kStart + ":" + kTailText,
        "x:" + kStart + ":" + kTailText, "7:" + kStart, "7:" + kTailText + ":" + kStart + ":d",
        "7:" + kStart + ":" + kTailText + ":cc", "7:" + kStart + ":" + kTailText + "x",
        "18446744073709551616:" + kStart + ":" + kTailText, "-7:" + kStart + ":" + kTailText,
        "7:" + kStart + kTailText, std::string("\xc3\xa9!#~")}) {
    EXPECT_EQ(Parsed("\"" + content + "\""), VersionTags{}) << content;
  }
}

TEST(Conditions, WhatIsNoListIsRefused) {
  for (const char* list :
       {"x", "\"x", "x\"", "\"a\"\"b\"", "\"a\" \"b\"", "*, \"a\"", "\"a\", *", "**", "w/\"a\"",
        "W\"a\"", "W/", "W/ \"a\"", "\"a b\"", "\"a\tb\"", "\"a\x7f\"", "\"a\";q=1", "\"\"\""}) {
    for (const auto& parsed : {ParseWriteCondition(list, std::nullopt, std::nullopt),
                               ParseWriteCondition(std::nullopt, list, std::nullopt)}) {
      EXPECT_EQ(GetErrorCode(parsed.status()), ErrorCode::kInvalidHeader) << list;
    }
  }
}

TEST(Conditions, IfUnmodifiedSinceMatchesNothingAndGivesWayToIfMatch) {
  const char* const date = "Sun, 06 Nov 1994 08:49:37 GMT";
  EXPECT_EQ((*ParseWriteCondition(std::nullopt, std::nullopt, date))->match, VersionTags{});
  EXPECT_EQ((*ParseWriteCondition("*", std::nullopt, date))->match, VersionTags{.any = true});
}

}  // namespace
}  // namespace ds

#include "gateway/protocol/etag.h"

#include "gtest/gtest.h"

namespace ds {
namespace {

ReadResult ReadOf(Offset start, Offset next) {
  ReadResult read;
  read.info.stream_id = 7;
  read.start = start;
  read.next = next;
  read.up_to_date = true;
  return read;
}

TEST(Etag, NamesIncarnationStartAndNext) {
  const Offset start{7, 5};
  const Offset next{7, 9};
  EXPECT_EQ(Etag(ReadOf(start, next)), "\"7:" + start.ToString() + ":" + next.ToString() + "\"");
  EXPECT_EQ(Etag(ReadOf({3, 0}, next)), "\"7:-1:" + next.ToString() + "\"");
}

TEST(Etag, ChangesWithClosureAndWithTheCoding) {
  ReadResult read = ReadOf({7, 5}, {7, 9});
  const std::string open = Etag(read);
  EXPECT_NE(Etag(read, "gzip"), open);
  EXPECT_NE(Etag(read, "gzip"), Etag(read, "br"));
  read.info.closed = true;
  EXPECT_NE(Etag(read), open);
}

TEST(Etag, OfAStreamIsThatOfAReadOfAllOfIt) {
  ReadResult read = ReadOf({3, 0}, {7, 9});
  read.info.tail = read.next;
  EXPECT_EQ(Etag(read.info), Etag(read));
  read.info.closed = true;
  EXPECT_EQ(Etag(read.info), Etag(read));
}

TEST(Etag, IfNoneMatchIsAListComparedWeakly) {
  EXPECT_TRUE(NamesEtag("\"a\"", "\"a\""));
  EXPECT_TRUE(NamesEtag("\"b\", W/\"a\"", "\"a\""));
  EXPECT_TRUE(NamesEtag("\"b\",,\t\"a\" ,", "\"a\""));
  EXPECT_TRUE(NamesEtag("*", "\"a\""));
  EXPECT_FALSE(NamesEtag("\"ab\"", "\"a\""));
  EXPECT_FALSE(NamesEtag("a", "\"a\""));
  EXPECT_FALSE(NamesEtag("", "\"a\""));
}

// RFC 9110 section 8.8.3: a comma may stand in an entity tag.
TEST(Etag, ACommaInAnEntityTagSeparatesNothing) {
  EXPECT_FALSE(NamesEtag("\"x,*,y\"", "\"a\""));
  EXPECT_TRUE(NamesEtag("\"x,y\", \"a\"", "\"a\""));
  EXPECT_TRUE(NamesEtag("\"x,y\"", "\"x,y\""));
}

TEST(Etag, NextOfTheFirstOfOurOwn) {
  const Offset next{7, 9};
  const std::string etag = "\"7:-1:" + next.ToString();
  EXPECT_EQ(EtagNext(etag + "\""), next);
  EXPECT_EQ(EtagNext("\"a\", W/" + etag + ":c;gzip\""), next);
  EXPECT_EQ(EtagNext("\"7:" + Offset{7, 5}.ToString() + ":" + next.ToString() + "\""), next);
  EXPECT_FALSE(EtagNext("*"));
  EXPECT_FALSE(EtagNext("\"7:8:9\""));
}

}  // namespace
}  // namespace ds

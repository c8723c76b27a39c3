#include "gateway/protocol/fields.h"

#include "gtest/gtest.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

TEST(Fields, StreamClosedIsTrueInAnyCase) {
  for (const char* value : {"true", "TRUE", "True", "tRuE"}) EXPECT_TRUE(IsStreamClosed(value));
  for (const char* value : {"", "1", "yes", "false", "true ", "truE!"}) {
    EXPECT_FALSE(IsStreamClosed(value)) << value;
  }
  EXPECT_FALSE(IsStreamClosed(std::nullopt));
}

TEST(Fields, TtlIsAPlainDecimalNumber) {
  EXPECT_EQ(ParseTtl("3600").value(), 3600u);
  EXPECT_EQ(ParseTtl("0").value(), 0u);
  for (const char* value : {"", "+3600", "03600", "3600.0", "3.6e3", "-1", " 1", "1 ", "0x10",
                            "99999999999999999999"}) {
    EXPECT_EQ(GetErrorCode(ParseTtl(value).status()), ErrorCode::kInvalidHeader) << value;
  }
}

TEST(Fields, OneLifetimeOnly) {
  EXPECT_FALSE(ParseLifetime("1", "2030-01-01T00:00:00Z").ok());
  EXPECT_TRUE(ParseLifetime(std::nullopt, "2030-01-01T00:00:00.000Z").ok());
  EXPECT_TRUE(ParseLifetime(std::nullopt, "2030-01-01T00:00:00+02:00").ok());
  for (const char* value : {"", "tomorrow", "2030-01-01", "infinite-future", "2030-13-01T00:00:00Z",
                            "2030-01-01T00:00:00"}) {
    EXPECT_FALSE(ParseLifetime(std::nullopt, value).ok()) << value;
  }
}

TEST(Fields, ProducerHeadersGoTogether) {
  EXPECT_FALSE(ParseProducer(std::nullopt, std::nullopt, std::nullopt)->has_value());
  EXPECT_EQ(**ParseProducer("p", "1", "2"), (ProducerTag{"p", 1, 2}));
  EXPECT_EQ((*ParseProducer("p", "0", "9007199254740991"))->seq, 9007199254740991u);
  EXPECT_FALSE(ParseProducer("p", "1", std::nullopt).ok());
  EXPECT_FALSE(ParseProducer(std::nullopt, "1", "2").ok());
  EXPECT_FALSE(ParseProducer("", "1", "2").ok());
  for (const char* bad :
       {"", "-1", "1.5", "1e3", "1abc", "9007199254740992", "18446744073709551616", " 1"}) {
    EXPECT_FALSE(ParseProducer("p", bad, "0").ok()) << bad;
    EXPECT_FALSE(ParseProducer("p", "0", bad).ok()) << bad;
  }
}

TEST(Fields, ForkHeaders) {
  const std::string offset = Offset{3, 9}.ToString();
  const auto fork = ParseFork("/v1/stream/a%20b", offset, "7", "/v1/stream/");
  EXPECT_EQ((*fork)->source_path, "a b");
  EXPECT_EQ((*fork)->offset, (Offset{3, 9}));
  EXPECT_EQ((*fork)->sub_offset, 7u);
  EXPECT_FALSE(ParseFork(std::nullopt, std::nullopt, "0", "/v1/stream/").ok());
  EXPECT_FALSE(ParseFork(std::nullopt, offset, std::nullopt, "/v1/stream/").ok());
  for (const char* bad : {"", "05", "+1", "1.5", "-1", "x"}) {
    EXPECT_FALSE(ParseFork("/v1/stream/a", offset, bad, "/v1/stream/").ok()) << bad;
  }
  EXPECT_EQ(GetErrorCode(ParseFork("/other/a", offset, "0", "/v1/stream/").status()),
            ErrorCode::kSourceNotFound);
}

absl::StatusOr<ReadQuery> Query(const std::string& query) {
  Target target;
  if (!ParseTarget("/s/a?" + query, "/s/", target).ok()) return absl::InternalError("target");
  return ParseReadQuery(target);
}

TEST(Fields, CursorsThatNoneIsAboveAreRefused) {
  for (const char* bad : {"cursor=", "cursor=abc", "cursor=-5", "cursor=18446744073709551615",
                          "cursor=99999999999999999999999", "cursor=5&cursor=5"}) {
    const auto query = Query(std::string("offset=-1&live=long-poll&") + bad);
    EXPECT_EQ(GetErrorCode(query.status()), ErrorCode::kInvalidQuery) << bad;
  }
}

TEST(Fields, ReadQueries) {
  EXPECT_EQ(Query("")->from, ReadRequest::From::kBeginning);
  EXPECT_EQ(Query("offset=-1")->from, ReadRequest::From::kBeginning);
  EXPECT_EQ(Query("offset=now&live=sse")->from, ReadRequest::From::kNow);
  EXPECT_EQ(Query("offset=" + Offset{1, 2}.ToString())->offset, (Offset{1, 2}));
  EXPECT_EQ(Query("offset=-1&live=long-poll&cursor=5&foo=bar")->cursor, 5u);
  for (const char* bad :
       {"offset=", "offset=-1&offset=-1", "live=sse", "live=long-poll", "offset=-1&live=websocket",
        "offset=a,b", "offset=../x", "offset=1%202", "offset=1%002", "offset=1%0a", "offset=%C3%A9",
        "offset=-2", "offset=NOW", "offset=0"}) {
    EXPECT_FALSE(Query(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace ds

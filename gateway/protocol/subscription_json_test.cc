#include "gateway/protocol/subscription_json.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

using Kind = ControlRoute::Kind;

TEST(ControlPath, IsWhatBeginsWithTheReservedSegment) {
  EXPECT_TRUE(IsControlPath("__ds"));
  EXPECT_TRUE(IsControlPath("__ds/x"));
  EXPECT_FALSE(IsControlPath("__dsx"));
  EXPECT_FALSE(IsControlPath("a/__ds"));
}

TEST(ControlPath, NamesSubscriptionsAndWhatIsDoneWithThem) {
  EXPECT_EQ(ParseControlPath("__ds/jwks.json")->kind, Kind::kSigningKeys);
  EXPECT_EQ(ParseControlPath("__ds/subscriptions/a")->kind, Kind::kSubscription);
  EXPECT_EQ(ParseControlPath("__ds/subscriptions/a")->id, "a");
  EXPECT_EQ(ParseControlPath("__ds/subscriptions/a/streams")->kind, Kind::kStreams);
  EXPECT_EQ(ParseControlPath("__ds/subscriptions/a/streams/x/y")->stream, "x/y");
  EXPECT_EQ(ParseControlPath("__ds/subscriptions/a/callback")->kind, Kind::kCallback);
  EXPECT_EQ(ParseControlPath("__ds/subscriptions/a/claim")->kind, Kind::kClaim);
  EXPECT_EQ(ParseControlPath("__ds/subscriptions/a/ack")->kind, Kind::kAck);
  EXPECT_EQ(ParseControlPath("__ds/subscriptions/a/release")->kind, Kind::kRelease);
  for (const char* path :
       {"__ds", "__ds/", "__ds/subscriptions", "__ds/subscriptions/", "__ds/subscriptions//claim",
        "__ds/subscriptions/a/other", "__ds/subscriptions/a/streams/", "__ds/else"}) {
    EXPECT_FALSE(ParseControlPath(*StreamPath::Parse(path))) << path;
  }
}

TEST(SubscriptionBodies, PathsBecomeNamesOfStreams) {
  const auto config = ParseSubscriptionBody(
      R"({"type":"pull-wake","pattern":"/events/*/","streams":["/b/"],"wake_stream":"//w"})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->pattern.text(), "events/*");
  EXPECT_EQ(config->streams[0], "b");
  EXPECT_EQ(config->wake_stream, "w");
  for (const char* const body : {R"({"type":"pull-wake","pattern":"a**","wake_stream":"w"})",
                                 R"({"type":"pull-wake","pattern":"a","wake_stream":"w/../v"})",
                                 R"({"type":"pull-wake","streams":["a","b\nc"],"wake_stream":"w"})",
                                 R"({"type":"pull-wake","streams":["/"],"wake_stream":"w"})"}) {
    EXPECT_EQ(GetErrorCode(ParseSubscriptionBody(body).status()), ErrorCode::kInvalidSubscription)
        << body;
  }
  EXPECT_EQ(*ParseLinkedPath("/a/b/"), "a/b");
}

TEST(SubscriptionBodies, AConfigurationIsReadWithItsDefaults) {
  const auto config = ParseSubscriptionBody(
      R"({"type":"webhook","pattern":"a/*","webhook":{"url":"https://w.example"},"unknown":1})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(*config, (SubscriptionConfig{.pattern = "a/*", .webhook_url = "https://w.example"}));
  const auto pull = ParseSubscriptionBody(
      R"({"type":"pull-wake","streams":["x"],"wake_stream":"w","lease_ttl_ms":1000,"description":""})");
  ASSERT_TRUE(pull.ok()) << pull.status();
  EXPECT_EQ(*pull, (SubscriptionConfig{.type = SubscriptionType::kPullWake,
                                       .streams = {"x"},
                                       .wake_stream = "w",
                                       .lease_ttl_ms = 1000,
                                       .description = ""}));
}

TEST(SubscriptionBodies, WhatMakesNoSenseIsRefused) {
  for (const char* body :
       {"", "{", "[]", "1", R"({"pattern":"a"})", R"({"type":"other","pattern":"a"})",
        R"({"type":"webhook","pattern":"a"})", R"({"type":"webhook","pattern":"a","webhook":{}})",
        R"({"type":"webhook","pattern":"a","webhook":{"url":7}})",
        R"({"type":"pull-wake","pattern":"a"})",
        R"({"type":"pull-wake","pattern":7,"wake_stream":"w"})",
        R"({"type":"pull-wake","streams":"a","wake_stream":"w"})",
        R"({"type":"pull-wake","streams":[1],"wake_stream":"w"})",
        R"({"type":"pull-wake","pattern":"a","wake_stream":"w","lease_ttl_ms":1.5})",
        R"({"type":"pull-wake","pattern":"a","wake_stream":"w","lease_ttl_ms":-1})",
        R"({"type":"pull-wake","pattern":"a","wake_stream":"w","lease_ttl_ms":"1000"})"}) {
    const auto config = ParseSubscriptionBody(body);
    ASSERT_FALSE(config.ok()) << body;
    EXPECT_EQ(GetErrorCode(config.status()), ErrorCode::kInvalidSubscription) << body;
  }
}

TEST(SubscriptionBodies, BombsAreRefusedBeforeTheyBecomeATree) {
  const auto expect_refused = [](const std::string& body) {
    EXPECT_FALSE(ParseAckBody(body).ok());
    EXPECT_FALSE(ParseReleaseBody(body).ok());
    EXPECT_FALSE(ParseClaimBody(body).ok());
    EXPECT_FALSE(ParseStreamsBody(body).ok());
    EXPECT_FALSE(ParseSubscriptionBody(body).ok());
  };
  constexpr char kGood[] =
      R"("type":"pull-wake","wake_stream":"w","streams":["a"],"worker":"x","wake_id":"i","generation":1)";
  const auto with = [&](const std::string& more) {
    return "{" + std::string(kGood) + ",\"more\":" + more + "}";
  };
  EXPECT_TRUE(ParseAckBody(with("[[[[]]]]")).ok());
  expect_refused(with(std::string(20, '[') + std::string(20, ']')));
  expect_refused(std::string(1 << 20, '['));
  // Each of these would be looked for among all that are there.
  std::string names = "{";
  for (int i = 0; i < 60'000; ++i) names += "\"" + std::to_string(i) + "\":0,";
  expect_refused(with(names + "\"a\":0}"));
  expect_refused(with("\"" + std::string(kMaxControlBodyBytes, 'x') + "\""));
}

TEST(SubscriptionBodies, AcksNameTheirStreamsEitherWay) {
  const auto ack = ParseAckBody(
      R"({"wake_id":"w","generation":7,"acks":[{"stream":"a","offset":"1"},{"path":"b","offset":"2"}],"done":true})");
  ASSERT_TRUE(ack.ok()) << ack.status();
  EXPECT_EQ(ack->wake.wake_id, "w");
  EXPECT_EQ(ack->wake.generation, 7u);
  EXPECT_TRUE(ack->done);
  ASSERT_EQ(ack->acks.size(), 2u);
  EXPECT_EQ(ack->acks[0].path, "a");
  EXPECT_EQ(ack->acks[1].path, "b");
  for (const char* body :
       {R"({"generation":7})", R"({"wake_id":"w"})", R"({"wake_id":1,"generation":7})",
        R"({"wake_id":"w","generation":7,"acks":{}})",
        R"({"wake_id":"w","generation":7,"acks":[{"stream":"a"}]})",
        R"({"wake_id":"w","generation":7,"done":1})"}) {
    EXPECT_FALSE(ParseAckBody(body).ok()) << body;
  }
}

TEST(SubscriptionBodies, ErrorsHaveTheirNames) {
  EXPECT_EQ(SubscriptionErrorBody({.status = MakeError(ErrorCode::kFenced, "late")}),
            R"({"error":{"code":"FENCED","message":"late"}})");
  EXPECT_EQ(
      SubscriptionErrorBody({.status = MakeError(ErrorCode::kAlreadyClaimed, "taken"),
                             .generation = 7,
                             .holder = "w1"}),
      R"({"error":{"code":"ALREADY_CLAIMED","message":"taken","current_holder":"w1","generation":7}})");
  EXPECT_THAT(SubscriptionErrorBody({.status = MakeError(ErrorCode::kAckRejected)}),
              ::testing::HasSubstr("INVALID_OFFSET"));
}

}  // namespace
}  // namespace ds

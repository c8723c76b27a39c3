#include "storage/core/stream.h"

#include <map>

#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

StreamConfig OctetStream() {
  StreamConfig config;
  config.content_type = "application/octet-stream";
  config.lineage = Lineage(1);
  return config;
}

struct Attempt {
  uint64_t size = 5;
  std::optional<std::string> stream_seq;
  std::optional<ProducerTag> producer;
  bool close = false;
  std::string content_type = "application/octet-stream";
  absl::Status body = {};
  std::optional<WriteCondition> condition = {};
};

AppendDecision Decide(const StreamState& state, const std::optional<ProducerState>& producer,
                      const Attempt& attempt) {
  return DecideAppend(
      OctetStream(), state, producer,
      {attempt.content_type, attempt.size, attempt.stream_seq, attempt.producer, attempt.close,
       attempt.body, attempt.condition ? &*attempt.condition : nullptr});
}

ErrorCode Refusal(const StreamState& state, const std::optional<ProducerState>& producer,
                  const Attempt& attempt) {
  const AppendDecision decision = Decide(state, producer, attempt);
  EXPECT_FALSE(decision.status.ok());
  EXPECT_FALSE(decision.changes);
  EXPECT_EQ(decision.state, state);
  return GetErrorCode(decision.status);
}

TEST(DecideAppend, AnAppendMovesTheTail) {
  const AppendDecision decision = Decide({.tail = 10}, {}, {});
  EXPECT_TRUE(decision.status.ok());
  EXPECT_EQ(decision.state.tail, 15u);
}

TEST(DecideAppend, ClosedIsJudgedBeforeContentTypeAndSequence) {
  const StreamState closed{.tail = 10, .closed = true, .last_stream_seq = "5"};
  EXPECT_EQ(Refusal(closed, {}, {.stream_seq = "1", .content_type = "text/plain"}),
            ErrorCode::kStreamClosed);
}

TEST(DecideAppend, ContentTypeIsJudgedBeforeSequence) {
  EXPECT_EQ(Refusal({.last_stream_seq = "5"}, {}, {.stream_seq = "1", .content_type = "text/a"}),
            ErrorCode::kContentTypeMismatch);
}

const absl::Status kBadBody = MakeError(ErrorCode::kInvalidJson);

TEST(DecideAppend, TheStateOfTheStreamIsJudgedBeforeTheBody) {
  // A body that is no good has no size; it is a body all the same.
  const Attempt bad{.size = 0, .close = true, .content_type = "text/plain", .body = kBadBody};
  EXPECT_EQ(Refusal({.soft_deleted = true}, {}, bad), ErrorCode::kStreamGone);
  EXPECT_EQ(Refusal({.closed = true}, {}, bad), ErrorCode::kStreamClosed);
  EXPECT_EQ(Refusal({}, {}, bad), ErrorCode::kContentTypeMismatch);
  EXPECT_EQ(Refusal({}, {}, {.size = 0, .body = kBadBody}), ErrorCode::kInvalidJson);
}

TEST(DecideAppend, ABodyThatIsNoGoodUsesNoSequenceUp) {
  EXPECT_EQ(
      Refusal({.last_stream_seq = "5"}, ProducerState{0, 3},
              {.size = 0, .stream_seq = "1", .producer = ProducerTag{"p", 0, 4}, .body = kBadBody}),
      ErrorCode::kInvalidJson);
}

WriteCondition TailIs(uint64_t position) {
  return {.match = VersionTags{.tags = {{.tail = {1, position}}}}};
}

TEST(DecideAppend, AConditionIsAboutTheStateBeforeTheAppend) {
  const AppendDecision decision = Decide({.tail = 10}, {}, {.condition = TailIs(10)});
  EXPECT_TRUE(decision.status.ok());
  EXPECT_EQ(decision.state.tail, 15u);
  EXPECT_EQ(Refusal({.tail = 10}, {}, {.condition = TailIs(15)}), ErrorCode::kPreconditionFailed);
  EXPECT_EQ(Refusal({.tail = 10}, {}, {.size = 0, .close = true, .condition = TailIs(9)}),
            ErrorCode::kPreconditionFailed);
}

TEST(DecideAppend, AConditionIsJudgedLast) {
  const WriteCondition never{.match = VersionTags{}};
  EXPECT_EQ(Refusal({.soft_deleted = true}, {}, {.condition = never}), ErrorCode::kStreamGone);
  EXPECT_EQ(Refusal({.closed = true}, {}, {.condition = never}), ErrorCode::kStreamClosed);
  EXPECT_EQ(Refusal({}, {}, {.content_type = "text/plain", .condition = never}),
            ErrorCode::kContentTypeMismatch);
  EXPECT_EQ(Refusal({}, {}, {.size = 0, .body = kBadBody, .condition = never}),
            ErrorCode::kInvalidJson);
  EXPECT_EQ(
      Refusal({}, ProducerState{5, 7}, {.producer = ProducerTag{"p", 4, 8}, .condition = never}),
      ErrorCode::kProducerFenced);
  EXPECT_EQ(
      Refusal({}, ProducerState{5, 7}, {.producer = ProducerTag{"p", 5, 9}, .condition = never}),
      ErrorCode::kProducerSequenceGap);
  EXPECT_EQ(Refusal({.last_stream_seq = "5"}, {}, {.stream_seq = "1", .condition = never}),
            ErrorCode::kSequenceRegression);
  EXPECT_EQ(Refusal({}, {}, {.condition = never}), ErrorCode::kPreconditionFailed);
}

TEST(DecideAppend, ADuplicateIsRecognisedBeforeItsCondition) {
  const ProducerTag tag{"p", 0, 2};
  EXPECT_TRUE(Decide({.tail = 10}, ProducerState{0, 2}, {.producer = tag, .condition = TailIs(5)})
                  .duplicate);
  const StreamState closed{.tail = 10, .closed = true, .closed_by = tag};
  EXPECT_TRUE(
      Decide(closed, ProducerState{0, 2}, {.producer = tag, .close = true, .condition = TailIs(5)})
          .duplicate);
}

TEST(DecideAppend, AFailedConditionLeavesProducerAndStreamSeqAsTheyWere) {
  const AppendDecision decision =
      Decide({.tail = 10, .last_stream_seq = "1"}, ProducerState{0, 3},
             {.stream_seq = "2", .producer = ProducerTag{"p", 0, 4}, .condition = TailIs(9)});
  EXPECT_EQ(GetErrorCode(decision.status), ErrorCode::kPreconditionFailed);
  EXPECT_FALSE(decision.producer.has_value());
  EXPECT_EQ(decision.state.last_stream_seq, "1");
  EXPECT_FALSE(decision.changes);
}

TEST(DecideAppend, ClosingAgainHasToMeetItsCondition) {
  const StreamState closed{.tail = 10, .closed = true};
  const auto close = [](WriteCondition condition) {
    return Attempt{.size = 0, .close = true, .condition = std::move(condition)};
  };
  EXPECT_TRUE(Decide(closed, {}, close(TailIs(10))).status.ok());
  EXPECT_EQ(Refusal(closed, {}, close(TailIs(9))), ErrorCode::kPreconditionFailed);
  EXPECT_EQ(Refusal(closed, {}, close({.match = VersionTags{.tags = {{1, {1, 10}, false}}}})),
            ErrorCode::kPreconditionFailed);
}

TEST(DecideAppend, ClosingTwiceIsFineWithoutABodyOnly) {
  const StreamState closed{.tail = 10, .closed = true};
  EXPECT_TRUE(Decide(closed, {}, {.size = 0, .close = true}).status.ok());
  EXPECT_EQ(Refusal(closed, {}, {.close = true}), ErrorCode::kStreamClosed);
}

TEST(DecideAppend, TheClosingProducerMayRepeatItself) {
  const ProducerTag tag{"p", 1, 2};
  const StreamState closed{.tail = 10, .closed = true, .closed_by = tag};
  EXPECT_TRUE(Decide(closed, ProducerState{1, 2}, {.producer = tag, .close = true}).duplicate);
  EXPECT_EQ(Refusal(closed, ProducerState{1, 2}, {.producer = ProducerTag{"p", 1, 3}}),
            ErrorCode::kStreamClosed);
  EXPECT_EQ(Refusal(closed, {}, {.size = 0, .producer = ProducerTag{"q", 0, 0}, .close = true}),
            ErrorCode::kStreamClosed);
}

TEST(DecideAppend, ADuplicateIsRecognisedBeforeStreamSeq) {
  const AppendDecision decision = Decide({.last_stream_seq = "9"}, ProducerState{0, 3},
                                         {.stream_seq = "1", .producer = ProducerTag{"p", 0, 2}});
  EXPECT_TRUE(decision.status.ok());
  EXPECT_TRUE(decision.duplicate);
  EXPECT_EQ(decision.producer, (ProducerState{0, 3}));
}

TEST(DecideAppend, ARefusedStreamSeqLeavesTheProducerAsItWas) {
  const AppendDecision decision = Decide({.last_stream_seq = "9"}, ProducerState{0, 3},
                                         {.stream_seq = "1", .producer = ProducerTag{"p", 0, 4}});
  EXPECT_EQ(GetErrorCode(decision.status), ErrorCode::kSequenceRegression);
  EXPECT_FALSE(decision.producer.has_value());
}

TEST(DecideAppend, StreamSeqComparesBytes) {
  EXPECT_EQ(Refusal({.last_stream_seq = "2"}, {}, {.stream_seq = "10"}),
            ErrorCode::kSequenceRegression);
  EXPECT_EQ(Refusal({.last_stream_seq = "2"}, {}, {.stream_seq = "2"}),
            ErrorCode::kSequenceRegression);
  EXPECT_TRUE(Decide({.last_stream_seq = "2"}, {}, {.stream_seq = "2a"}).status.ok());
}

TEST(DecideAppend, ProducerEpochs) {
  const ProducerState known{5, 7};
  EXPECT_EQ(Refusal({}, known, {.producer = ProducerTag{"p", 4, 8}}), ErrorCode::kProducerFenced);
  EXPECT_EQ(Refusal({}, known, {.producer = ProducerTag{"p", 6, 1}}), ErrorCode::kProducerEpochSeq);
  EXPECT_TRUE(Decide({}, known, {.producer = ProducerTag{"p", 6, 0}}).status.ok());
}

TEST(DecideAppend, AGapNamesTheExpectedSequence) {
  const AppendDecision gap = Decide({}, ProducerState{0, 7}, {.producer = ProducerTag{"p", 0, 9}});
  EXPECT_EQ(GetErrorCode(gap.status), ErrorCode::kProducerSequenceGap);
  EXPECT_EQ(gap.expected_seq, 8u);
  EXPECT_EQ(Decide({}, {}, {.producer = ProducerTag{"p", 0, 1}}).expected_seq, 0u);
}

TEST(DecideAppend, ASoftDeletedStreamIsGone) {
  EXPECT_EQ(Refusal({.soft_deleted = true}, {}, {}), ErrorCode::kStreamGone);
}

// Generated histories against a model that knows nothing of the implementation: it keeps the list
// of accepted requests and derives every answer from that list.
RC_GTEST_PROP(DecideAppend, HistoriesAgreeWithAListOfAcceptedRequests, ()) {
  struct Accepted {
    Attempt attempt;
  };
  std::vector<Accepted> log;
  StreamState state;
  std::map<std::string, ProducerState> producers;

  const int steps = *rc::gen::inRange(1, 60);
  for (int step = 0; step < steps; ++step) {
    Attempt attempt;
    attempt.close = *rc::gen::inRange(0, 20) == 0;
    attempt.size = attempt.close && *rc::gen::arbitrary<bool>() ? 0 : *rc::gen::inRange(1, 9);
    if (*rc::gen::inRange(0, 3) == 0) attempt.stream_seq = std::to_string(*rc::gen::inRange(1, 40));
    if (*rc::gen::arbitrary<bool>()) {
      attempt.producer = ProducerTag{*rc::gen::element<std::string>("a", "b"),
                                     static_cast<uint64_t>(*rc::gen::inRange(0, 3)),
                                     static_cast<uint64_t>(*rc::gen::inRange(0, 5))};
    }

    // The model.
    bool closed = false;
    uint64_t tail = 0;
    std::string max_seq;
    bool duplicate = false;
    std::optional<uint64_t> epoch;
    uint64_t next_seq = 0;
    for (const Accepted& past : log) {
      closed |= past.attempt.close;
      tail += past.attempt.size;
      if (past.attempt.stream_seq) max_seq = std::max(max_seq, *past.attempt.stream_seq);
      if (!attempt.producer || !past.attempt.producer) continue;
      if (past.attempt.producer->id != attempt.producer->id) continue;
      if (!epoch || past.attempt.producer->epoch > *epoch) next_seq = 0;
      epoch = past.attempt.producer->epoch;
      ++next_seq;
    }
    if (attempt.producer && epoch == attempt.producer->epoch) {
      duplicate = attempt.producer->seq < next_seq;
    }
    std::optional<ErrorCode> expected;
    if (closed) {
      const bool repeated_close = !attempt.producer && attempt.close && attempt.size == 0;
      if (!duplicate && !repeated_close) expected = ErrorCode::kStreamClosed;
    } else if (attempt.producer && epoch && attempt.producer->epoch < *epoch) {
      expected = ErrorCode::kProducerFenced;
    } else if (attempt.producer && epoch && attempt.producer->epoch > *epoch &&
               attempt.producer->seq != 0) {
      expected = ErrorCode::kProducerEpochSeq;
    } else if (attempt.producer && !duplicate &&
               attempt.producer->seq != (epoch == attempt.producer->epoch ? next_seq : 0)) {
      expected = ErrorCode::kProducerSequenceGap;
    } else if (!duplicate && attempt.stream_seq && !max_seq.empty() &&
               *attempt.stream_seq <= max_seq) {
      expected = ErrorCode::kSequenceRegression;
    }

    std::optional<ProducerState> known;
    if (attempt.producer) {
      const auto it = producers.find(attempt.producer->id);
      if (it != producers.end()) known = it->second;
    }
    const AppendDecision decision = Decide(state, known, attempt);
    RC_ASSERT(decision.status.ok() == !expected.has_value());
    if (expected) RC_ASSERT(GetErrorCode(decision.status) == *expected);
    RC_ASSERT(decision.duplicate == (!expected && duplicate));
    RC_ASSERT(state.tail == tail);
    RC_ASSERT(state.closed == closed);
    if (decision.changes) {
      state = decision.state;
      if (attempt.producer) producers[attempt.producer->id] = *decision.producer;
      log.push_back({attempt});
    }
  }
}

CreateRequest Plain() { return {.path = "s", .content_type = "application/octet-stream"}; }

TEST(MatchExisting, ComparesTheConfiguration) {
  const StreamConfig config = OctetStream();
  EXPECT_TRUE(MatchExisting(config, {}, Plain()).ok());
  EXPECT_TRUE(MatchExisting(config, {}, {.path = "s"}).ok());
  CreateRequest other = Plain();
  other.content_type = "text/plain";
  EXPECT_EQ(GetErrorCode(MatchExisting(config, {}, other)), ErrorCode::kStreamExists);
  other = Plain();
  other.lifetime.ttl_seconds = 5;
  EXPECT_EQ(GetErrorCode(MatchExisting(config, {}, other)), ErrorCode::kStreamExists);
  other = Plain();
  other.closed = true;
  EXPECT_EQ(GetErrorCode(MatchExisting(config, {}, other)), ErrorCode::kStreamExists);
  EXPECT_TRUE(MatchExisting(config, {.closed = true}, other).ok());
}

TEST(MatchExisting, AForkMatchesByItsSourceAndPoint) {
  StreamConfig config = OctetStream();
  config.lineage = Lineage(1).ForkAt(10, 2);
  config.source_path = "source";
  config.source_id = 1;
  config.fork_anchor = 10;
  CreateRequest request{.path = "s", .fork = ForkPoint{.source_path = "source"}};
  EXPECT_TRUE(MatchExisting(config, {}, request).ok());
  request.fork->offset = Offset{1, 10};
  EXPECT_TRUE(MatchExisting(config, {}, request).ok());
  request.fork->offset = Offset{1, 9};
  EXPECT_FALSE(MatchExisting(config, {}, request).ok());
  request.fork->offset.reset();
  request.fork->sub_offset = 1;
  EXPECT_FALSE(MatchExisting(config, {}, request).ok());
  EXPECT_FALSE(MatchExisting(config, {}, Plain()).ok());
}

TEST(Lifetimes, ASlidingOneCountsFromTheLastUse) {
  const absl::Time now = absl::FromUnixSeconds(1000);
  Lifetime ttl;
  ttl.ttl_seconds = 30;
  EXPECT_EQ(Deadline(ttl, now), now + absl::Seconds(30));
  EXPECT_EQ(RenewalStep(ttl), absl::Seconds(3));
  ttl.ttl_seconds = 2;
  EXPECT_EQ(RenewalStep(ttl), absl::Seconds(1));
  EXPECT_EQ(Deadline({}, now), absl::InfiniteFuture());
  ttl.ttl_seconds = ~0ull;
  EXPECT_EQ(Deadline(ttl, now), absl::InfiniteFuture());
}

}  // namespace
}  // namespace ds

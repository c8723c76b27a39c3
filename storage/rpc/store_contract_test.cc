// What every StreamStore promises, held against the engine (in memory and on disk) and the remote
// store in front of it.

#include <unistd.h>

#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "gtest/gtest.h"
#include "storage/api/errors.h"
#include "storage/api/sync_store.h"
#include "storage/engine/engine.h"
#include "storage/rpc/remote_store.h"
#include "storage/rpc/service.h"

namespace ds {
namespace {

// A store with everything that it needs to live.
struct Fixture {
  ~Fixture() {
    remote.reset();
    server.reset();
    engine.reset();
    if (!directory.empty()) std::filesystem::remove_all(directory);
  }
  StreamStore& store() { return remote != nullptr ? static_cast<StreamStore&>(*remote) : *engine; }

  FakeClock clock{absl::FromUnixSeconds(1'700'000'000)};
  std::string directory;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<rpc::RpcServer> server;
  std::unique_ptr<rpc::RemoteStore> remote;
};

std::unique_ptr<Engine> OpenEngine(const std::string& directory, Clock& clock) {
  EngineOptions options;
  options.database.directory = directory;
  auto engine = Engine::Open(options, clock);
  EXPECT_TRUE(engine.ok()) << engine.status();
  return *std::move(engine);
}

std::unique_ptr<Fixture> EngineInMemory() {
  auto fixture = std::make_unique<Fixture>();
  fixture->engine = OpenEngine("", fixture->clock);
  return fixture;
}

std::unique_ptr<Fixture> EngineOnDisk() {
  auto fixture = std::make_unique<Fixture>();
  std::string name = testing::TempDir() + "/store-XXXXXX";
  EXPECT_NE(mkdtemp(name.data()), nullptr);
  fixture->directory = name;
  fixture->engine = OpenEngine(name, fixture->clock);
  return fixture;
}

std::unique_ptr<Fixture> Remote() {
  std::unique_ptr<Fixture> fixture = EngineInMemory();
  auto server = rpc::RpcServer::Start({"127.0.0.1:0", 256u << 20}, *fixture->engine);
  EXPECT_TRUE(server.ok()) << server.status();
  fixture->server = *std::move(server);
  fixture->remote = *rpc::RemoteStore::Connect({fixture->server->address()});
  return fixture;
}

struct Kind {
  const char* name;
  std::unique_ptr<Fixture> (*make)();
};

class StoreContract : public testing::TestWithParam<Kind> {
 protected:
  StoreContract() : fixture_(GetParam().make()), store_(fixture_->store()) {}

  StreamStore& raw() { return fixture_->store(); }
  FakeClock& clock() { return fixture_->clock; }

  std::unique_ptr<Fixture> fixture_;
  SyncStore store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract,
                         testing::Values(Kind{"EngineInMemory", EngineInMemory},
                                         Kind{"EngineOnDisk", EngineOnDisk},
                                         Kind{"Remote", Remote}),
                         [](const auto& info) { return std::string(info.param.name); });

template <typename Result>
testing::AssertionResult FailsWith(const Result& result, ErrorCode code) {
  if (result.status.ok()) return testing::AssertionFailure() << "it succeeded";
  if (GetErrorCode(result.status) == code) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.status;
}

#define EXPECT_OK(expression) EXPECT_TRUE((expression).status.ok())
#define ASSERT_OK(expression) ASSERT_TRUE((expression).status.ok())

// Creation.

TEST_P(StoreContract, ACreatedStreamIsEmptyAndUpToDate) {
  const CreateResult made = store_.Make("a/b", "text/plain;charset=utf-8");
  ASSERT_OK(made);
  EXPECT_TRUE(made.created);
  EXPECT_EQ(made.content_type, "text/plain;charset=utf-8");
  const ReadResult read = store_.Read({.path = "a/b"});
  ASSERT_OK(read);
  EXPECT_EQ(read.data(), "");
  EXPECT_EQ(read.next, made.tail);
  EXPECT_TRUE(read.up_to_date);
  EXPECT_FALSE(read.at_end());
}

TEST_P(StoreContract, CreatingAgainFindsTheStream) {
  const CreateResult first = store_.Make("s", "text/plain", "hello");
  const CreateResult again = store_.Make("s", "text/plain");
  ASSERT_OK(again);
  EXPECT_FALSE(again.created);
  EXPECT_EQ(again.tail, first.tail);
  EXPECT_EQ(store_.All("s"), "hello");
}

TEST_P(StoreContract, CreatingDifferentlyIsRefused) {
  ASSERT_OK(store_.Make("s", "text/plain"));
  EXPECT_TRUE(FailsWith(store_.Make("s", "application/json"), ErrorCode::kStreamExists));
  EXPECT_TRUE(FailsWith(
      store_.Create({.path = "s", .content_type = "text/plain", .lifetime = {.ttl_seconds = 60}}),
      ErrorCode::kStreamExists));
  EXPECT_TRUE(FailsWith(store_.Create({.path = "s", .content_type = "text/plain", .closed = true}),
                        ErrorCode::kStreamExists));
}

TEST_P(StoreContract, AStreamCanBeBornClosedWithItsContent) {
  const CreateResult made = store_.Create({.path = "s", .body = "all of it", .closed = true});
  ASSERT_OK(made);
  EXPECT_TRUE(made.closed);
  const ReadResult read = store_.Read({.path = "s"});
  EXPECT_EQ(read.data(), "all of it");
  EXPECT_TRUE(read.at_end());
}

TEST_P(StoreContract, ARefusedBodyCreatesNothing) {
  EXPECT_TRUE(FailsWith(store_.Make("s", "application/json", "{\"a\":"), ErrorCode::kInvalidJson));
  EXPECT_TRUE(FailsWith(store_.Head({.path = "s"}), ErrorCode::kStreamNotFound));
}

// Appends and reads.

TEST_P(StoreContract, WhatIsAppendedIsReadBackFromAnyOffset) {
  ASSERT_OK(store_.Make("s"));
  std::vector<Offset> offsets;
  std::string all;
  for (int i = 0; i < 20; ++i) {
    const std::string body(static_cast<size_t>(i + 1), static_cast<char>('a' + i));
    const AppendResult appended = store_.Add("s", body);
    ASSERT_OK(appended);
    offsets.push_back(appended.tail);
    all += body;
  }
  EXPECT_EQ(store_.All("s"), all);
  for (const Offset& offset : offsets) {
    const ReadResult read =
        store_.Read({.path = "s", .from = ReadRequest::From::kOffset, .offset = offset});
    ASSERT_OK(read);
    EXPECT_EQ(read.data(), all.substr(offset.position));
    EXPECT_EQ(read.start, offset);
    EXPECT_EQ(read.next, offsets.back());
  }
}

TEST_P(StoreContract, OffsetsGrowAsText) {
  ASSERT_OK(store_.Make("s"));
  std::string last = store_.Head({.path = "s"}).info.tail.ToString();
  for (int i = 0; i < 300; ++i) {
    const std::string next = store_.Add("s", "x").tail.ToString();
    EXPECT_LT(last, next);
    last = next;
  }
}

TEST_P(StoreContract, AReadIsCutAtItsLimitAndGoesOn) {
  ASSERT_OK(store_.Make("s"));
  const std::string part(1000, 'p');
  for (int i = 0; i < 10; ++i) ASSERT_OK(store_.Add("s", part + std::to_string(i)));
  const std::string all = store_.All("s");
  std::string read_back;
  ReadRequest request{.path = "s", .max_bytes = 333};
  while (true) {
    const ReadResult read = store_.Read(request);
    ASSERT_OK(read);
    ASSERT_LE(read.data().size(), 333u);
    read_back += read.data();
    if (read.up_to_date) break;
    ASSERT_FALSE(read.data().empty());
    request.from = ReadRequest::From::kOffset;
    request.offset = read.next;
  }
  EXPECT_EQ(read_back, all);
}

TEST_P(StoreContract, WhatTheCallerHasIsLeftOut) {
  ASSERT_OK(store_.Make("s"));
  const Offset ten = store_.Add("s", "0123456789").tail;
  ReadRequest request{.path = "s", .known_next = ten};
  ReadResult read = store_.Read(request);
  EXPECT_TRUE(read.unchanged && read.up_to_date);
  EXPECT_EQ(read.next, ten);
  EXPECT_EQ(read.data(), "");

  // More has come: another answer.
  ASSERT_OK(store_.Add("s", "abc"));
  read = store_.Read(request);
  EXPECT_FALSE(read.unchanged);
  EXPECT_EQ(read.data(), "0123456789abc");

  // A piece that is cut there is the same for ever.
  request.max_bytes = 10;
  read = store_.Read(request);
  EXPECT_TRUE(read.unchanged && !read.up_to_date);
  request.max_bytes = 9;
  read = store_.Read(request);
  EXPECT_FALSE(read.unchanged);
  EXPECT_EQ(read.data(), "012345678");
}

TEST_P(StoreContract, ACutNeverSplitsACharacterOfText) {
  ASSERT_OK(store_.Make("s", "text/plain", "aé€😀"));  // 1 + 2 + 3 + 4 bytes
  std::vector<std::string> pieces;
  ReadRequest request{.path = "s", .max_bytes = 5};
  while (true) {
    const ReadResult read = store_.Read(request);
    ASSERT_OK(read);
    pieces.push_back(read.data());
    if (read.up_to_date) break;
    request.from = ReadRequest::From::kOffset;
    request.offset = read.next;
  }
  EXPECT_EQ(pieces, (std::vector<std::string>{"aé", "€", "😀"}));
}

TEST_P(StoreContract, FromNowThereIsNothingYet) {
  ASSERT_OK(store_.Make("s", "", "old"));
  const ReadResult read = store_.Read({.path = "s", .from = ReadRequest::From::kNow});
  ASSERT_OK(read);
  EXPECT_EQ(read.data(), "");
  EXPECT_EQ(read.next, store_.Head({.path = "s"}).info.tail);
  EXPECT_TRUE(read.up_to_date);
}

TEST_P(StoreContract, ALargeBodyComesBackWhole) {
  ASSERT_OK(store_.Make("s"));
  std::string body;
  for (int i = 0; body.size() < (20u << 20); ++i) body += std::to_string(i) + ";";
  ASSERT_OK(store_.Add("s", body));
  EXPECT_TRUE(store_.All("s") == body);
}

TEST_P(StoreContract, AnAppendOfAnotherTypeIsRefused) {
  ASSERT_OK(store_.Make("s", "text/plain"));
  EXPECT_TRUE(FailsWith(store_.AddJson("s", "1"), ErrorCode::kContentTypeMismatch));
  EXPECT_OK(store_.Add("s", "x", "TEXT/plain; charset=utf-8"));
  EXPECT_EQ(store_.All("s"), "x");
}

// Conditions.

ConditionPtr Match(VersionTags tags) {
  return std::make_shared<const WriteCondition>(WriteCondition{.match = std::move(tags)});
}
ConditionPtr NoneMatch(VersionTags tags) {
  return std::make_shared<const WriteCondition>(WriteCondition{.none_match = std::move(tags)});
}
VersionTags Tail(const Offset& tail) { return {.tags = {{.tail = tail}}}; }

// That a write was refused for its condition, and by which state.
template <typename Result>
testing::AssertionResult FailsAt(const Result& result, const StreamInfo& info) {
  const testing::AssertionResult failed = FailsWith(result, ErrorCode::kPreconditionFailed);
  if (!failed) return failed;
  if (result.current == StreamVersion{info.stream_id, info.tail, info.closed}) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << "another state was told";
}

TEST_P(StoreContract, AnAppendIsRefusedWhenItsConditionDoesNotHold) {
  ASSERT_OK(store_.Make("s"));
  const Offset one = store_.Add("s", "1").tail;
  const Offset two = store_.Add("s", "2").tail;
  AppendRequest append{.path = "s", .content_type = "application/octet-stream", .body = "3"};
  append.condition = Match(Tail(one));
  EXPECT_TRUE(FailsAt(store_.Append(append), store_.Head({.path = "s"}).info));
  append.condition = Match({});
  EXPECT_TRUE(FailsAt(store_.Append(append), store_.Head({.path = "s"}).info));
  append.condition = NoneMatch({.any = true});
  EXPECT_TRUE(FailsAt(store_.Append(append), store_.Head({.path = "s"}).info));
  EXPECT_EQ(store_.All("s"), "12");
  append.condition = Match({.tags = {{.tail = one}, {.tail = two}}});
  EXPECT_OK(store_.Append(append));
  append.condition = NoneMatch(Tail(two));
  EXPECT_OK(store_.Append(append));
  append.condition = Match({.any = true});
  EXPECT_OK(store_.Append(append));
  EXPECT_EQ(store_.All("s"), "12333");
}

TEST_P(StoreContract, AConditionMayNameTheIncarnationAndWhetherItIsClosed) {
  ASSERT_OK(store_.Make("s", "", "x"));
  const StreamInfo info = store_.Head({.path = "s"}).info;
  const auto close = [&](uint64_t id, std::optional<bool> closed) {
    return store_.Append(
        {.path = "s", .close = true, .condition = Match({.tags = {{id, info.tail, closed}}})});
  };
  EXPECT_TRUE(FailsAt(close(info.stream_id + 1, false), info));
  EXPECT_TRUE(FailsAt(close(info.stream_id, true), info));
  EXPECT_OK(close(info.stream_id, false));
  const StreamInfo closed = store_.Head({.path = "s"}).info;
  EXPECT_TRUE(closed.closed);
  EXPECT_TRUE(FailsAt(close(info.stream_id, false), closed));
  EXPECT_OK(close(info.stream_id, true));
  EXPECT_OK(close(0, std::nullopt));
}

TEST_P(StoreContract, ConditionsAreJudgedByWhatEarlierRequestsLeave) {
  ASSERT_OK(store_.Make("s"));
  const Offset empty = store_.Head({.path = "s"}).info.tail;
  // All at once, so that they meet in a batch: the first one wins.
  std::vector<std::promise<AppendResult>> promises(20);
  for (size_t i = 0; i < promises.size(); ++i) {
    raw().Append({.path = "s",
                  .content_type = "application/octet-stream",
                  .body = std::to_string(i),
                  .condition = Match(Tail(empty))},
                 [&promise = promises[i]](AppendResult r) { promise.set_value(std::move(r)); });
  }
  EXPECT_OK(promises[0].get_future().get());
  const StreamInfo after = store_.Head({.path = "s"}).info;
  for (size_t i = 1; i < promises.size(); ++i) {
    EXPECT_TRUE(FailsAt(promises[i].get_future().get(), after));
  }
  EXPECT_EQ(store_.All("s"), "0");
}

TEST_P(StoreContract, AProducersDuplicateSucceedsWhateverItsCondition) {
  ASSERT_OK(store_.Make("s"));
  AppendRequest append{.path = "s",
                       .content_type = "application/octet-stream",
                       .body = "x",
                       .producer = ProducerTag{"p", 0, 0},
                       .condition = Match(Tail(store_.Head({.path = "s"}).info.tail))};
  EXPECT_OK(store_.Append(append));
  const AppendResult again = store_.Append(append);
  ASSERT_OK(again);
  EXPECT_TRUE(again.duplicate);
  append.producer->seq = 1;
  EXPECT_TRUE(FailsAt(store_.Append(append), store_.Head({.path = "s"}).info));
  append.condition = nullptr;
  EXPECT_OK(store_.Append(append));
  EXPECT_EQ(store_.All("s"), "xx");
}

TEST_P(StoreContract, ADeletionIsRefusedWhenItsConditionDoesNotHold) {
  EXPECT_TRUE(FailsWith(store_.Delete({.path = "s", .condition = Match({.any = true})}),
                        ErrorCode::kStreamNotFound));
  ASSERT_OK(store_.Make("s", "", "x"));
  const StreamInfo info = store_.Head({.path = "s"}).info;
  EXPECT_TRUE(
      FailsAt(store_.Delete({.path = "s", .condition = Match(Tail({info.stream_id, 0}))}), info));
  EXPECT_TRUE(FailsAt(store_.Delete({.path = "s", .condition = NoneMatch({.any = true})}), info));
  EXPECT_EQ(store_.All("s"), "x");
  EXPECT_OK(store_.Delete({.path = "s", .condition = Match(Tail(info.tail))}));
  EXPECT_TRUE(FailsWith(store_.Head({.path = "s"}), ErrorCode::kStreamNotFound));
}

TEST_P(StoreContract, ACreationMayAskThatTheStreamIsThereOrNot) {
  const CreateResult missing = store_.Create({.path = "s", .condition = Match({.any = true})});
  EXPECT_TRUE(FailsWith(missing, ErrorCode::kPreconditionFailed));
  EXPECT_FALSE(missing.current.has_value());
  EXPECT_TRUE(FailsWith(store_.Head({.path = "s"}), ErrorCode::kStreamNotFound));

  const CreateResult made = store_.Create({.path = "s", .condition = NoneMatch({.any = true})});
  ASSERT_OK(made);
  EXPECT_TRUE(made.created);
  const StreamInfo info = store_.Head({.path = "s"}).info;
  EXPECT_TRUE(FailsAt(store_.Create({.path = "s", .condition = NoneMatch({.any = true})}), info));
  // The condition speaks before the configuration.
  EXPECT_TRUE(FailsAt(
      store_.Create(
          {.path = "s", .content_type = "text/plain", .condition = NoneMatch({.any = true})}),
      info));
  EXPECT_OK(store_.Create({.path = "s", .condition = Match(Tail(info.tail))}));
  EXPECT_TRUE(FailsAt(store_.Create({.path = "s", .condition = Match(Tail({9, 9}))}), info));
}

TEST_P(StoreContract, APathThatIsKeptForForksHasNoStream) {
  ASSERT_OK(store_.Make("source"));
  ASSERT_OK(store_.Create({.path = "fork", .fork = ForkPoint{"source"}}));
  ASSERT_OK(store_.Delete({.path = "source"}));
  for (const ConditionPtr& condition : {NoneMatch({.any = true}), Match({.any = true})}) {
    EXPECT_TRUE(FailsWith(store_.Create({.path = "source", .condition = condition}),
                          ErrorCode::kStreamExists));
    EXPECT_TRUE(FailsWith(store_.Delete({.path = "source", .condition = condition}),
                          ErrorCode::kStreamGone));
  }
}

TEST_P(StoreContract, TheStreamsStateIsJudgedBeforeTheBody) {
  EXPECT_TRUE(FailsWith(store_.AddJson("s", "[]"), ErrorCode::kStreamNotFound));
  ASSERT_OK(store_.Make("s", "text/plain"));
  for (const char* body : {"[]", "{", "[1,]"}) {
    EXPECT_TRUE(FailsWith(store_.AddJson("s", body), ErrorCode::kContentTypeMismatch)) << body;
  }
  ASSERT_OK(store_.Close("s"));
  for (const char* body : {"[]", "{", "[1,]", "1"}) {
    const AppendResult refused = store_.AddJson("s", body);
    EXPECT_TRUE(FailsWith(refused, ErrorCode::kStreamClosed)) << body;
    EXPECT_TRUE(refused.closed);
    EXPECT_EQ(refused.tail, store_.Head({.path = "s"}).info.tail);
  }
  ASSERT_OK(store_.Make("json", "application/json"));
  EXPECT_TRUE(FailsWith(store_.AddJson("json", "[]"), ErrorCode::kInvalidJson));
  EXPECT_TRUE(FailsWith(
      store_.Append(
          {.path = "json", .content_type = "application/json", .body = "[]", .close = true}),
      ErrorCode::kInvalidJson));
  EXPECT_FALSE(store_.Head({.path = "json"}).info.closed);
}

TEST_P(StoreContract, StreamSeqMustGrowAsBytes) {
  ASSERT_OK(store_.Make("s"));
  const auto append = [&](const std::string& seq) {
    return store_.Append(
        {.path = "s", .content_type = "application/octet-stream", .body = seq, .stream_seq = seq});
  };
  EXPECT_OK(append("10"));
  EXPECT_OK(append("2"));
  EXPECT_TRUE(FailsWith(append("10"), ErrorCode::kSequenceRegression));
  EXPECT_TRUE(FailsWith(append("2"), ErrorCode::kSequenceRegression));
  EXPECT_EQ(store_.All("s"), "102");
}

// JSON.

TEST_P(StoreContract, JsonMessagesKeepTheirBytes) {
  const std::vector<std::string> messages = {
      "12345678901234567890123", "{\"b\": 1,\"a\":\"\\u00e9\\/\"}", "1e400", "\"\\ud800\"", "[[]]"};
  ASSERT_OK(store_.Make("s", "application/json"));
  for (const std::string& message : messages) {
    ASSERT_OK(store_.AddJson("s", "[" + message + "]"));
  }
  const ReadResult read = store_.Read({.path = "s"});
  ASSERT_OK(read);
  ASSERT_EQ(read.message_sizes().size(), messages.size());
  size_t at = 0;
  for (size_t i = 0; i < messages.size(); ++i) {
    EXPECT_EQ(read.data().substr(at, read.message_sizes()[i]), messages[i]);
    at += read.message_sizes()[i];
  }
}

TEST_P(StoreContract, JsonIsCutBetweenMessagesOnly) {
  ASSERT_OK(store_.Make("s", "application/json", "[11111,22222,33333]"));
  ASSERT_OK(store_.AddJson("s", "44444"));
  std::vector<std::string> pieces;
  ReadRequest request{.path = "s", .max_bytes = 11};
  while (true) {
    const ReadResult read = store_.Read(request);
    ASSERT_OK(read);
    pieces.push_back(read.data());
    if (read.up_to_date) break;
    request.from = ReadRequest::From::kOffset;
    request.offset = read.next;
  }
  EXPECT_EQ(pieces, (std::vector<std::string>{"1111122222", "3333344444"}));
}

TEST_P(StoreContract, AMessageBeyondTheLimitComesWhole) {
  ASSERT_OK(store_.Make("s", "application/json", "[\"a long message\",2]"));
  const ReadResult read = store_.Read({.path = "s", .max_bytes = 1});
  ASSERT_OK(read);
  EXPECT_EQ(read.data(), "\"a long message\"");
  EXPECT_FALSE(read.up_to_date);
}

TEST_P(StoreContract, AnOffsetInsideAMessageIsInvalid) {
  ASSERT_OK(store_.Make("s", "application/json", "[\"abc\",2]"));
  Offset inside = store_.Head({.path = "s"}).info.tail;
  inside.position = 2;
  EXPECT_TRUE(
      FailsWith(store_.Read({.path = "s", .from = ReadRequest::From::kOffset, .offset = inside}),
                ErrorCode::kInvalidOffset));
}

TEST_P(StoreContract, InvalidJsonChangesNothing) {
  ASSERT_OK(store_.Make("s", "application/json", "[1]"));
  for (const char* body : {"{", "[1,]", "[]", "nul", "1 2", "\"\xff\"", "[\"\n\"]"}) {
    EXPECT_TRUE(FailsWith(store_.AddJson("s", body), ErrorCode::kInvalidJson)) << body;
  }
  EXPECT_EQ(store_.All("s"), "1");
}

// Offsets of elsewhere.

TEST_P(StoreContract, AnOffsetBeyondTheTailIsInvalid) {
  const CreateResult made = store_.Make("s", "", "abc");
  Offset beyond = made.tail;
  ++beyond.position;
  EXPECT_TRUE(
      FailsWith(store_.Read({.path = "s", .from = ReadRequest::From::kOffset, .offset = beyond}),
                ErrorCode::kInvalidOffset));
}

TEST_P(StoreContract, AnOffsetOfADeletedStreamIsGone) {
  const CreateResult first = store_.Make("s", "", "abc");
  ASSERT_OK(store_.Delete({.path = "s"}));
  const CreateResult second = store_.Make("s", "", "xyz");
  ASSERT_OK(second);
  EXPECT_LT(first.tail.incarnation, second.tail.incarnation);
  EXPECT_TRUE(FailsWith(
      store_.Read({.path = "s", .from = ReadRequest::From::kOffset, .offset = first.tail}),
      ErrorCode::kOffsetGone));
  EXPECT_EQ(store_.All("s"), "xyz");
}

// Idempotent producers.

AppendRequest Produce(const std::string& path, uint64_t epoch, uint64_t seq, std::string body,
                      bool close = false) {
  return {.path = Named(path),
          .content_type = "application/octet-stream",
          .body = std::move(body),
          .producer = ProducerTag{"p", epoch, seq},
          .close = close};
}

TEST_P(StoreContract, AProducersRepetitionIsADuplicate) {
  ASSERT_OK(store_.Make("s"));
  EXPECT_OK(store_.Append(Produce("s", 0, 0, "a")));
  EXPECT_OK(store_.Append(Produce("s", 0, 1, "b")));
  const AppendResult again = store_.Append(Produce("s", 0, 0, "a"));
  EXPECT_OK(again);
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(again.producer_seq, 1u);
  EXPECT_EQ(store_.All("s"), "ab");
}

TEST_P(StoreContract, AProducersGapNamesWhatIsExpected) {
  ASSERT_OK(store_.Make("s"));
  EXPECT_OK(store_.Append(Produce("s", 0, 0, "a")));
  const AppendResult gap = store_.Append(Produce("s", 0, 5, "f"));
  EXPECT_TRUE(FailsWith(gap, ErrorCode::kProducerSequenceGap));
  EXPECT_EQ(gap.expected_seq, 1u);
  EXPECT_EQ(store_.All("s"), "a");
}

TEST_P(StoreContract, ANewEpochFencesTheOldOne) {
  ASSERT_OK(store_.Make("s"));
  EXPECT_OK(store_.Append(Produce("s", 3, 0, "a")));
  EXPECT_TRUE(FailsWith(store_.Append(Produce("s", 4, 1, "b")), ErrorCode::kProducerEpochSeq));
  EXPECT_OK(store_.Append(Produce("s", 4, 0, "b")));
  const AppendResult fenced = store_.Append(Produce("s", 3, 1, "c"));
  EXPECT_TRUE(FailsWith(fenced, ErrorCode::kProducerFenced));
  EXPECT_EQ(fenced.producer_epoch, 4u);
  EXPECT_EQ(store_.All("s"), "ab");
}

TEST_P(StoreContract, NumbersUpToTheProtocolsLimitAreKept) {
  constexpr uint64_t kLargest = (1ull << 53) - 1;
  ASSERT_OK(store_.Make("s"));
  const AppendResult appended = store_.Append(Produce("s", kLargest, 0, "a"));
  EXPECT_OK(appended);
  EXPECT_EQ(appended.producer_epoch, kLargest);
}

// Closing.

TEST_P(StoreContract, AClosedStreamTakesNothingMore) {
  ASSERT_OK(store_.Make("s"));
  AppendRequest last{.path = "s", .content_type = "application/octet-stream", .body = "z"};
  last.close = true;
  const AppendResult closed = store_.Append(last);
  EXPECT_OK(closed);
  EXPECT_TRUE(closed.closed);
  const AppendResult late = store_.Add("s", "late");
  EXPECT_TRUE(FailsWith(late, ErrorCode::kStreamClosed));
  EXPECT_EQ(late.tail, closed.tail);
  EXPECT_TRUE(late.closed);
  EXPECT_OK(store_.Close("s"));
  const ReadResult read = store_.Read({.path = "s"});
  EXPECT_EQ(read.data(), "z");
  EXPECT_TRUE(read.at_end());
}

TEST_P(StoreContract, TheClosingProducerMayRepeatItself) {
  ASSERT_OK(store_.Make("s"));
  EXPECT_OK(store_.Append(Produce("s", 0, 0, "end", /*close=*/true)));
  EXPECT_TRUE(store_.Append(Produce("s", 0, 0, "end", /*close=*/true)).duplicate);
  EXPECT_TRUE(FailsWith(store_.Append(Produce("s", 0, 1, "more")), ErrorCode::kStreamClosed));
}

TEST_P(StoreContract, AnAppendOfNothingIsRefused) {
  ASSERT_OK(store_.Make("s"));
  EXPECT_TRUE(FailsWith(store_.Add("s", ""), ErrorCode::kEmptyBody));
}

// What is not there.

TEST_P(StoreContract, EveryOperationMissesAMissingStream) {
  EXPECT_TRUE(FailsWith(store_.Add("s", "x"), ErrorCode::kStreamNotFound));
  EXPECT_TRUE(FailsWith(store_.Close("s"), ErrorCode::kStreamNotFound));
  EXPECT_TRUE(FailsWith(store_.Read({.path = "s"}), ErrorCode::kStreamNotFound));
  EXPECT_TRUE(FailsWith(store_.Head({.path = "s"}), ErrorCode::kStreamNotFound));
  EXPECT_TRUE(FailsWith(store_.Delete({.path = "s"}), ErrorCode::kStreamNotFound));
}

TEST_P(StoreContract, ADeletedStreamIsNotThere) {
  ASSERT_OK(store_.Make("s", "", "abc"));
  EXPECT_OK(store_.Delete({.path = "s"}));
  EXPECT_TRUE(FailsWith(store_.Read({.path = "s"}), ErrorCode::kStreamNotFound));
  EXPECT_TRUE(FailsWith(store_.Delete({.path = "s"}), ErrorCode::kStreamNotFound));
}

// Lifetimes.

TEST_P(StoreContract, AStreamEndsWithItsTtlUnlessItIsUsed) {
  const CreateResult made = store_.Create({.path = "s", .lifetime = {.ttl_seconds = 10}});
  ASSERT_OK(made);
  clock().Advance(absl::Seconds(9));
  EXPECT_OK(store_.Read({.path = "s"}));
  clock().Advance(absl::Seconds(9));
  EXPECT_OK(store_.Add("s", "x"));
  clock().Advance(absl::Seconds(9));
  EXPECT_OK(store_.Head({.path = "s"}));  // does not count as use
  clock().Advance(absl::Seconds(2));
  EXPECT_TRUE(FailsWith(store_.Read({.path = "s"}), ErrorCode::kStreamNotFound));
  EXPECT_TRUE(FailsWith(store_.Add("s", "x"), ErrorCode::kStreamNotFound));
}

TEST_P(StoreContract, AnExpiryDoesNotMove) {
  const absl::Time expires_at = clock().Now() + absl::Seconds(10);
  // Of another zone than the server would choose.
  const std::string written =
      absl::FormatTime(absl::RFC3339_full, expires_at, absl::FixedTimeZone(3600));
  ASSERT_OK(store_.Create(
      {.path = "s", .lifetime = {.expires_at = expires_at, .expires_at_text = written}}));
  EXPECT_EQ(store_.Head({.path = "s"}).info.lifetime.expires_at_text, written);
  clock().Advance(absl::Seconds(9));
  EXPECT_OK(store_.Read({.path = "s"}));
  clock().Advance(absl::Seconds(1));
  EXPECT_TRUE(FailsWith(store_.Read({.path = "s"}), ErrorCode::kStreamNotFound));
}

TEST_P(StoreContract, ThePathOfAnExpiredStreamIsFree) {
  ASSERT_OK(store_.Create({.path = "s", .lifetime = {.ttl_seconds = 1}, .body = "old"}));
  clock().Advance(absl::Seconds(1));
  const CreateResult again = store_.Make("s", "text/plain", "new");
  ASSERT_OK(again);
  EXPECT_TRUE(again.created);
  EXPECT_EQ(store_.All("s"), "new");
}

// Forks.

CreateRequest Fork(const std::string& path, const std::string& source,
                   std::optional<Offset> at = {}, uint64_t sub_offset = 0) {
  return {.path = Named(path), .fork = ForkPoint{Named(source), at, sub_offset}};
}

TEST_P(StoreContract, AForkSharesItsSourcesPast) {
  ASSERT_OK(store_.Make("source", "", "abc"));
  const Offset middle = store_.Head({.path = "source"}).info.tail;
  ASSERT_OK(store_.Add("source", "def"));
  ASSERT_OK(store_.Create(Fork("fork", "source", middle)));
  ASSERT_OK(store_.Add("fork", "XYZ"));
  ASSERT_OK(store_.Add("source", "ghi"));
  EXPECT_EQ(store_.All("fork"), "abcXYZ");
  EXPECT_EQ(store_.All("source"), "abcdefghi");
  const ReadResult read =
      store_.Read({.path = "fork", .from = ReadRequest::From::kOffset, .offset = middle});
  EXPECT_EQ(read.data(), "XYZ");
}

TEST_P(StoreContract, AForkMayLeaveInsideARecord) {
  ASSERT_OK(store_.Make("source", "application/json", "[1,22,333]"));
  ASSERT_OK(store_.Create(Fork("fork", "source", Offset{0, 0}, 2)));
  EXPECT_EQ(store_.All("fork"), "122");
  EXPECT_TRUE(
      FailsWith(store_.Create(Fork("bad", "source", Offset{0, 0}, 4)), ErrorCode::kInvalidOffset));
  EXPECT_TRUE(FailsWith(store_.Head({.path = "bad"}), ErrorCode::kStreamNotFound));
}

TEST_P(StoreContract, AChainOfForksReadsThroughAllOfThem) {
  ASSERT_OK(store_.Make("f0", "", "0"));
  std::string expected = "0";
  for (int i = 1; i <= 12; ++i) {
    const std::string path = "f" + std::to_string(i);
    ASSERT_OK(store_.Create(Fork(path, "f" + std::to_string(i - 1))));
    const std::string body = std::to_string(i);
    ASSERT_OK(store_.Add(path, body));
    expected += body;
  }
  EXPECT_EQ(store_.All("f12"), expected);
  for (int i = 0; i < 12; ++i) ASSERT_OK(store_.Delete({.path = Named("f" + std::to_string(i))}));
  EXPECT_EQ(store_.All("f12"), expected);
  EXPECT_TRUE(FailsWith(store_.Read({.path = "f3"}), ErrorCode::kStreamGone));
  ASSERT_OK(store_.Delete({.path = "f12"}));
  // The last fork took all of its deleted sources with it: their paths are free.
  for (int i = 0; i <= 12; ++i) {
    const CreateResult made = store_.Make("f" + std::to_string(i));
    ASSERT_OK(made);
    EXPECT_TRUE(made.created);
  }
}

TEST_P(StoreContract, ADeletedSourceIsKeptForItsForks) {
  ASSERT_OK(store_.Make("source", "", "abc"));
  ASSERT_OK(store_.Create(Fork("fork", "source")));
  ASSERT_OK(store_.Delete({.path = "source"}));
  EXPECT_TRUE(FailsWith(store_.Read({.path = "source"}), ErrorCode::kStreamGone));
  EXPECT_TRUE(FailsWith(store_.Add("source", "x"), ErrorCode::kStreamGone));
  EXPECT_TRUE(FailsWith(store_.Delete({.path = "source"}), ErrorCode::kStreamGone));
  EXPECT_TRUE(FailsWith(store_.Make("source"), ErrorCode::kStreamExists));
  EXPECT_TRUE(FailsWith(store_.Create(Fork("late", "source")), ErrorCode::kSourceGone));
  EXPECT_EQ(store_.All("fork"), "abc");
}

TEST_P(StoreContract, AForkOfNothingIsRefused) {
  EXPECT_TRUE(FailsWith(store_.Create(Fork("fork", "nowhere")), ErrorCode::kSourceNotFound));
  EXPECT_TRUE(FailsWith(store_.Create(Fork("self", "self")), ErrorCode::kSourceNotFound));
}

TEST_P(StoreContract, AForkAtAPointThatNeverWasIsRefused) {
  ASSERT_OK(store_.Make("source", "", "abc"));
  Offset beyond = store_.Head({.path = "source"}).info.tail;
  beyond.position += 1;
  EXPECT_TRUE(FailsWith(store_.Create(Fork("fork", "source", beyond)), ErrorCode::kInvalidOffset));
  // It left no reference behind: the source goes at once.
  ASSERT_OK(store_.Delete({.path = "source"}));
  EXPECT_TRUE(FailsWith(store_.Head({.path = "source"}), ErrorCode::kStreamNotFound));
}

// Listing.

TEST_P(StoreContract, AListComesInPages) {
  for (int i = 0; i < 25; ++i) {
    ASSERT_OK(store_.Make("list/" + std::string(1, static_cast<char>('a' + i))));
  }
  ASSERT_OK(store_.Make("elsewhere"));
  std::vector<std::string> paths;
  ListRequest request{.prefix = "list/", .page_size = 10};
  int pages = 0;
  do {
    const ListResult page = store_.List(request);
    ASSERT_OK(page);
    ASSERT_LE(page.streams.size(), 10u);
    for (const StreamInfo& info : page.streams) paths.push_back(info.path);
    request.page_token = page.next_page_token;
    ++pages;
  } while (!request.page_token.empty());
  EXPECT_EQ(pages, 3);
  ASSERT_EQ(paths.size(), 25u);
  EXPECT_TRUE(std::is_sorted(paths.begin(), paths.end()));
}

// Following.

TEST_P(StoreContract, ATailTellsOfEveryCommitInOrder) {
  ASSERT_OK(store_.Make("s", "application/json", "[1]"));
  const auto observer = std::make_shared<QueueingTailObserver>();
  std::promise<HeadResult> ready;
  const auto subscription =
      raw().Tail("s", observer, [&](const HeadResult& head) { ready.set_value(head); });
  const HeadResult head = ready.get_future().get();
  ASSERT_OK(head);
  Offset at = head.info.tail;
  for (int i = 0; i < 50; ++i) {
    ASSERT_OK(store_.AddJson("s", "[" + std::to_string(i) + ",0]"));
  }
  ASSERT_OK(store_.Close("s"));
  for (int i = 0; i < 50; ++i) {
    const auto event = observer->events.Next();
    ASSERT_TRUE(event.has_value());
    EXPECT_EQ(event->kind, TailEvent::Kind::kData);
    EXPECT_EQ(event->start, at);
    EXPECT_EQ(event->data(), std::to_string(i) + "0");
    EXPECT_EQ(event->message_sizes().size(), 2u);
    at = event->next;
  }
  const auto last = observer->events.Next();
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->kind, TailEvent::Kind::kClosed);
  EXPECT_TRUE(last->closed);
}

TEST_P(StoreContract, ATailEndsWithItsStream) {
  ASSERT_OK(store_.Make("s"));
  const auto observer = std::make_shared<QueueingTailObserver>();
  std::promise<HeadResult> ready;
  const auto subscription =
      raw().Tail("s", observer, [&](const HeadResult& head) { ready.set_value(head); });
  ASSERT_OK(ready.get_future().get());
  ASSERT_OK(store_.Delete({.path = "s"}));
  const auto event = observer->events.Next();
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->kind, TailEvent::Kind::kGone);
}

TEST_P(StoreContract, ATailOfNothingFails) {
  std::promise<HeadResult> ready;
  const auto subscription = raw().Tail("s", std::make_shared<QueueingTailObserver>(),
                                       [&](const HeadResult& head) { ready.set_value(head); });
  EXPECT_TRUE(FailsWith(ready.get_future().get(), ErrorCode::kStreamNotFound));
}

TEST_P(StoreContract, ASourcesAppendsDoNotReachItsForksFollowers) {
  ASSERT_OK(store_.Make("source", "", "abc"));
  ASSERT_OK(store_.Create(Fork("fork", "source")));
  const auto observer = std::make_shared<QueueingTailObserver>();
  std::promise<HeadResult> ready;
  const auto subscription =
      raw().Tail("fork", observer, [&](const HeadResult& head) { ready.set_value(head); });
  ASSERT_OK(ready.get_future().get());
  ASSERT_OK(store_.Add("source", "not for the fork"));
  ASSERT_OK(store_.Add("fork", "for the fork"));
  const auto event = observer->events.Next();
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->data(), "for the fork");
}

TEST_P(StoreContract, AWatchTellsOfItsPatternOnly) {
  const auto observer = std::make_shared<QueueingWatchObserver>();
  const auto subscription = raw().Watch("users/*/inbox", observer);
  ASSERT_OK(store_.Make("users/1/outbox"));
  // A remote watch begins when the storage has heard of it.
  std::optional<ChangeEvent> first;
  for (int i = 0; i < 100 && !first; ++i) {
    ASSERT_OK(store_.Make("users/" + std::to_string(i) + "/inbox"));
    first = observer->events.Next(absl::Milliseconds(50));
  }
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->kind, ChangeEvent::Kind::kCreated);
  const std::string path = first->path;
  ASSERT_OK(store_.Add(path, "x"));
  ASSERT_OK(store_.Close(path));
  ASSERT_OK(store_.Delete({.path = Named(path)}));
  for (const ChangeEvent::Kind kind :
       {ChangeEvent::Kind::kAppended, ChangeEvent::Kind::kClosed, ChangeEvent::Kind::kDeleted}) {
    const auto event = observer->events.Next();
    ASSERT_TRUE(event.has_value());
    EXPECT_EQ(event->kind, kind);
    EXPECT_EQ(event->path, path);
  }
}

// Many at once.

TEST_P(StoreContract, SubscriptionsWakeAreClaimedAndAcked) {
  using Call = SubscriptionCall;
  const SubscriptionConfig config{.type = SubscriptionType::kPullWake,
                                  .pattern = "subscribed/*",
                                  .streams = {"named"},
                                  .wake_stream = "wake",
                                  .lease_ttl_ms = 5'000,
                                  .description = "for a test"};
  store_.Make("wake", "application/json");
  const SubscriptionAnswer put = store_.Ask("sub", Call::Put{config, "http://host/v1/stream/"});
  ASSERT_TRUE(put.status.ok()) << put.status;
  EXPECT_TRUE(put.created);
  EXPECT_FALSE(store_.Ask("sub", Call::Put{config, "http://host/v1/stream/"}).created);
  ASSERT_TRUE(store_.Ask("sub", Call::AddStreams{{"more"}}).status.ok());
  ASSERT_TRUE(store_.Ask("sub", Call::RemoveStream{"named"}).status.ok());
  const Offset tail = store_.Make("subscribed/a", "text/plain", "data").tail;

  const SubscriptionInfo info = store_.Ask("sub", Call::Get{}).info;
  EXPECT_EQ(info.id, "sub");
  EXPECT_EQ(info.config.type, SubscriptionType::kPullWake);
  EXPECT_EQ(info.config.pattern, config.pattern);
  EXPECT_EQ(info.config.wake_stream, config.wake_stream);
  EXPECT_EQ(info.config.lease_ttl_ms, config.lease_ttl_ms);
  EXPECT_EQ(info.config.description, config.description);
  EXPECT_EQ(info.base_url, "http://host/v1/stream/");
  ASSERT_EQ(info.links.size(), 2u);
  EXPECT_EQ(info.links[0].path, "more");
  EXPECT_TRUE(info.links[0].is_explicit);
  EXPECT_EQ(info.links[1].path, "subscribed/a");
  EXPECT_FALSE(info.links[1].acked.has_value());

  const SubscriptionAnswer claim = store_.Ask("sub", Call::Claim{"worker"});
  ASSERT_TRUE(claim.status.ok()) << claim.status;
  EXPECT_EQ(claim.lease_ttl_ms, config.lease_ttl_ms);
  ASSERT_EQ(claim.work.size(), 1u);
  EXPECT_EQ(claim.work[0].tail, tail);
  EXPECT_TRUE(claim.work[0].pending);
  const SubscriptionAnswer busy = store_.Ask("sub", Call::Claim{"other"});
  EXPECT_EQ(GetErrorCode(busy.status), ErrorCode::kAlreadyClaimed);
  EXPECT_EQ(busy.holder, "worker");
  EXPECT_EQ(busy.generation, claim.generation);

  const Call::WakeReference wake{claim.token, claim.wake_id, claim.generation};
  store_.Add("subscribed/a", "more", "text/plain");
  const SubscriptionAnswer ack = store_.Ask(
      "sub",
      Call::Ack{SubscriptionType::kPullWake, wake, {{"subscribed/a", tail.ToString()}}, true});
  ASSERT_TRUE(ack.status.ok()) << ack.status;
  EXPECT_TRUE(ack.next_wake);
  EXPECT_EQ(store_.Ask("sub", Call::Get{}).info.links[1].acked, tail);
  EXPECT_EQ(GetErrorCode(store_.Ask("sub", Call::Release{wake}).status), ErrorCode::kFenced);

  EXPECT_EQ(store_.Ask("", Call::SigningKeys{}).keys.at(0).bytes.size(), 32u);
  ASSERT_TRUE(store_.Ask("sub", Call::Delete{}).status.ok());
  EXPECT_EQ(GetErrorCode(store_.Ask("sub", Call::Get{}).status), ErrorCode::kSubscriptionNotFound);
}

TEST_P(StoreContract, WritersAtOnceLoseAndMixNothing) {
  constexpr int kWriters = 8;
  constexpr int kEach = 200;
  ASSERT_OK(store_.Make("s"));
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([this, w] {
      for (int i = 0; i < kEach; ++i) {
        const std::string body = std::to_string(w) + ":" + std::to_string(i) + ";";
        EXPECT_OK(store_.Add("s", body));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  std::map<int, int> next;
  const std::string all = store_.All("s");
  for (size_t at = 0; at < all.size();) {
    const size_t end = all.find(';', at);
    ASSERT_NE(end, all.npos);
    const int writer = all[at] - '0';
    EXPECT_EQ(std::stoi(all.substr(at + 2, end - at - 2)), next[writer]++);
    at = end + 1;
  }
  for (int w = 0; w < kWriters; ++w) EXPECT_EQ(next[w], kEach);
}

TEST_P(StoreContract, OneOfManyCreatorsWins) {
  for (int round = 0; round < 20; ++round) {
    const std::string path = "s" + std::to_string(round);
    std::atomic<int> created{0};
    std::vector<std::thread> creators;
    for (int i = 0; i < 4; ++i) {
      creators.emplace_back([&] {
        const CreateResult made = store_.Make(path, "text/plain");
        EXPECT_OK(made);
        if (made.created) ++created;
      });
    }
    for (std::thread& creator : creators) creator.join();
    EXPECT_EQ(created.load(), 1);
  }
}

}  // namespace
}  // namespace ds

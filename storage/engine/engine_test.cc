// What the engine promises beyond the contract of every store: what a reopened directory holds,
// what the cache and the clock may change, and what becomes of failed writes and damaged files.

#include "storage/engine/engine.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "storage/api/errors.h"
#include "storage/api/sync_store.h"
#include "storage/engine/faulty_env.h"
#include "storage/engine/registry.h"

namespace ds {
namespace {

namespace fs = std::filesystem;

#define EXPECT_OK(expression) EXPECT_TRUE((expression).status.ok())
#define ASSERT_OK(expression) ASSERT_TRUE((expression).status.ok())

class EngineTest : public testing::Test {
 protected:
  EngineTest() {
    std::string name = testing::TempDir() + "/engine-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    options_.database.directory = directory_ + "/data";
    Open();
  }
  ~EngineTest() override {
    store_.reset();
    engine_.reset();
    fs::remove_all(directory_);
  }

  void Open() {
    auto engine = Engine::Open(options_, clock_);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    store_.emplace(*engine_);
  }
  void Close() {
    store_.reset();
    engine_.reset();
  }
  void Reopen() {
    Close();
    Open();
  }
  // A copy of the directory as a killed process would leave it: the engine keeps running.
  std::string Snapshot() {
    const std::string copy = directory_ + "/copy";
    fs::remove_all(copy);
    fs::copy(options_.database.directory, copy, fs::copy_options::recursive);
    return copy;
  }

  // Appends "0;", "1;", … without waiting for one before the next, and adds them to `all`.
  void AppendMany(const std::string& path, int count, std::string& all, bool then_delete = false) {
    std::atomic<int> open{count};
    for (int i = 0; i < count; ++i) {
      const std::string body = std::to_string(i) + ";";
      all += body;
      engine_->Append(
          {.path = Named(path), .content_type = "application/octet-stream", .body = body},
          [&](AppendResult result) {
            EXPECT_OK(result);
            --open;
          });
    }
    if (then_delete) {
      EXPECT_OK(store_->Delete({.path = Named(path)}));
    }
    while (open > 0) std::this_thread::yield();
  }
  // Of all streams. REQUIRES: closed.
  size_t CountRecords() {
    auto database = Database::Open(options_.database);
    EXPECT_TRUE(database.ok());
    const std::unique_ptr<rocksdb::Iterator> it((*database)->db().NewIterator(
        rocksdb::ReadOptions(), (*database)->family(Family::kRecords)));
    size_t count = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) ++count;
    return count;
  }

  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  std::string directory_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  std::optional<SyncStore> store_;
};

AppendRequest Produce(const std::string& path, const std::string& producer, uint64_t epoch,
                      uint64_t seq, std::string body) {
  return {.path = Named(path),
          .content_type = "application/octet-stream",
          .body = std::move(body),
          .producer = ProducerTag{producer, epoch, seq}};
}

CreateRequest Fork(const std::string& path, const std::string& source,
                   std::optional<Offset> at = {}) {
  return {.path = Named(path), .fork = ForkPoint{Named(source), at, 0}};
}

ErrorCode CodeOf(const absl::Status& status) {
  EXPECT_FALSE(status.ok());
  return status.ok() ? ErrorCode::kInternal : GetErrorCode(status);
}

// What goes along with a call.

TEST_F(EngineTest, WorkWhoseTimeIsUpIsRefusedAndLeavesNothing) {
  ASSERT_OK(store_->Make("s"));
  const CallContext late{.deadline =
                             std::chrono::steady_clock::now() - std::chrono::milliseconds(1)};
  AppendRequest append{.path = "s", .content_type = "application/octet-stream", .body = "x"};
  append.context = late;
  EXPECT_EQ(CodeOf(store_->Append(std::move(append)).status), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(CodeOf(store_->Create({.path = "t", .context = late}).status),
            ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(CodeOf(store_->Delete({.path = "s", .context = late}).status),
            ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(store_->All("s"), "");
  EXPECT_EQ(CodeOf(store_->Head({.path = "t"}).status), ErrorCode::kStreamNotFound);
  AppendRequest early{.path = "s", .content_type = "application/octet-stream", .body = "y"};
  early.context.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  ASSERT_OK(store_->Append(std::move(early)));
}

// Across a restart.

TEST_F(EngineTest, DataAndClosureSurviveAReopen) {
  ASSERT_OK(store_->Make("s", "text/plain", "one,"));
  const AppendResult second = store_->Add("s", "two", "text/plain");
  ASSERT_OK(store_->Close("s"));
  Reopen();
  const ReadResult read = store_->Read({.path = "s"});
  ASSERT_OK(read);
  EXPECT_EQ(read.data(), "one,two");
  EXPECT_EQ(read.next, second.tail);
  EXPECT_TRUE(read.at_end());
  EXPECT_EQ(read.info.content_type, "text/plain");
  EXPECT_EQ(CodeOf(store_->Add("s", "x", "text/plain").status), ErrorCode::kStreamClosed);
}

TEST_F(EngineTest, ProducersAndStreamSeqSurviveAReopen) {
  ASSERT_OK(store_->Make("s"));
  ASSERT_OK(store_->Append(Produce("s", "p", 2, 0, "a")));
  ASSERT_OK(store_->Append(Produce("s", "p", 2, 1, "b")));
  AppendRequest sequenced{.path = "s", .content_type = "application/octet-stream", .body = "c"};
  sequenced.stream_seq = "07";
  ASSERT_OK(store_->Append(sequenced));
  ASSERT_OK(store_->Add("s", "d"));  // a record without a sequence of its own
  Reopen();
  EXPECT_TRUE(store_->Append(Produce("s", "p", 2, 1, "b")).duplicate);
  const AppendResult gap = store_->Append(Produce("s", "p", 2, 5, "f"));
  EXPECT_EQ(CodeOf(gap.status), ErrorCode::kProducerSequenceGap);
  EXPECT_EQ(gap.expected_seq, 2u);
  EXPECT_EQ(CodeOf(store_->Append(Produce("s", "p", 1, 0, "x")).status),
            ErrorCode::kProducerFenced);
  sequenced.stream_seq = "06";
  EXPECT_EQ(CodeOf(store_->Append(sequenced).status), ErrorCode::kSequenceRegression);
  EXPECT_EQ(store_->All("s"), "abcd");
}

TEST_F(EngineTest, ForksAndKeptSourcesSurviveAReopen) {
  ASSERT_OK(store_->Make("source", "", "abc"));
  const Offset later = store_->Add("source", "def").tail;
  ASSERT_OK(store_->Add("source", "ghi"));
  ASSERT_OK(store_->Create(Fork("fork", "source", later)));
  ASSERT_OK(store_->Add("fork", "XYZ"));
  ASSERT_OK(store_->Delete({.path = "source"}));
  Reopen();
  EXPECT_EQ(store_->All("fork"), "abcdefXYZ");
  EXPECT_EQ(CodeOf(store_->Head({.path = "source"}).status), ErrorCode::kStreamGone);
  ASSERT_OK(store_->Create(Fork("grandchild", "fork", later)));
  ASSERT_OK(store_->Delete({.path = "fork"}));
  Reopen();
  EXPECT_EQ(store_->All("grandchild"), "abcdef");
  ASSERT_OK(store_->Delete({.path = "grandchild"}));
  EXPECT_EQ(CodeOf(store_->Head({.path = "source"}).status), ErrorCode::kStreamNotFound);
  Reopen();
  EXPECT_EQ(CodeOf(store_->Head({.path = "source"}).status), ErrorCode::kStreamNotFound);
}

TEST_F(EngineTest, IdsAreNotGivenOutTwice) {
  uint64_t last = 0;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 10; ++i) {
      ASSERT_OK(store_->Make("s"));
      const uint64_t id = store_->Head({.path = "s"}).info.stream_id;
      EXPECT_GT(id, last);
      last = id;
      ASSERT_OK(store_->Delete({.path = "s"}));
    }
    Reopen();
  }
}

TEST_F(EngineTest, ATtlIsNeverEarlyAndAtMostOneStepLateAfterAReopen) {
  ASSERT_OK(store_->Create({.path = "s", .lifetime = {.ttl_seconds = 100}}));  // step: 10 s
  clock_.Advance(absl::Seconds(55));
  ASSERT_OK(store_->Read({.path = "s"}));
  clock_.Advance(absl::Seconds(9));
  ASSERT_OK(store_->Read({.path = "s"}));  // a renewal that need not be on disk
  Reopen();
  clock_.Advance(absl::Seconds(99));
  EXPECT_OK(store_->Head({.path = "s"}));
  clock_.Advance(absl::Seconds(11));
  EXPECT_EQ(CodeOf(store_->Head({.path = "s"}).status), ErrorCode::kStreamNotFound);
}

TEST_F(EngineTest, WhatExpiredWhileTheServerWasDownIsGone) {
  ASSERT_OK(store_->Create({.path = "s", .lifetime = {.ttl_seconds = 5}, .body = "x"}));
  Close();
  clock_.Advance(absl::Seconds(60));
  Open();
  EXPECT_EQ(CodeOf(store_->Head({.path = "s"}).status), ErrorCode::kStreamNotFound);
  const CreateResult again = store_->Make("s", "", "new");
  EXPECT_TRUE(again.created);
  EXPECT_EQ(store_->All("s"), "new");
}

// Expiry.

TEST_F(EngineTest, ExpiredStreamsAreSweptAndReported) {
  const auto observer = std::make_shared<QueueingWatchObserver>();
  const auto watch = engine_->Watch("**", observer);
  ASSERT_OK(store_->Create({.path = "s", .lifetime = {.ttl_seconds = 5}, .body = "x"}));
  clock_.Advance(absl::Seconds(6));
  while (true) {
    const auto event = observer->events.Next();
    ASSERT_TRUE(event.has_value());
    if (event->kind == ChangeEvent::Kind::kExpired) break;
  }
  EXPECT_TRUE(store_->List({}).streams.empty());
}

TEST_F(EngineTest, AnExpiredSourceIsKeptForItsForks) {
  ASSERT_OK(store_->Create({.path = "source", .lifetime = {.ttl_seconds = 5}, .body = "abc"}));
  CreateRequest fork = Fork("fork", "source");
  fork.lifetime.ttl_seconds = 1000;
  ASSERT_OK(store_->Create(fork));
  clock_.Advance(absl::Seconds(6));
  EXPECT_EQ(CodeOf(store_->Add("source", "x").status), ErrorCode::kStreamGone);
  EXPECT_EQ(store_->All("fork"), "abc");
  Reopen();
  EXPECT_EQ(store_->All("fork"), "abc");
}

// The cache.

TEST_F(EngineTest, StreamsBeyondTheCacheKeepTheirState) {
  Close();
  options_.max_cached_streams = 64;
  Open();
  constexpr int kStreams = 1500;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < kStreams; ++i) {
      const std::string path = "s" + std::to_string(i);
      if (round == 0) {
        ASSERT_OK(store_->Make(path));
      }
      ASSERT_OK(store_->Append(Produce(path, "p", 0, static_cast<uint64_t>(round), "x")));
    }
  }
  for (int i = 0; i < kStreams; ++i) {
    const std::string path = "s" + std::to_string(i);
    ASSERT_EQ(store_->All(path), "xxx");
    ASSERT_TRUE(store_->Append(Produce(path, "p", 0, 2, "x")).duplicate);
  }
}

TEST_F(EngineTest, ManyProducersOfOneStreamAreAllRemembered) {
  constexpr uint64_t kProducers = 3000;
  ASSERT_OK(store_->Make("s"));
  for (uint64_t i = 0; i < kProducers; ++i) {
    ASSERT_OK(store_->Append(Produce("s", "p" + std::to_string(i), 0, 0, "x")));
  }
  for (uint64_t i = 0; i < kProducers; ++i) {
    ASSERT_TRUE(store_->Append(Produce("s", "p" + std::to_string(i), 0, 0, "x")).duplicate);
  }
}

TEST_F(EngineTest, ACachedPieceGrowsWithItsStream) {
  ASSERT_OK(store_->Make("s"));
  std::string all;
  for (int round = 0; round < 20; ++round) {
    const std::string part(3000, static_cast<char>('a' + round));
    ASSERT_OK(store_->Add("s", part));
    all += part;
    for (int again = 0; again < 2; ++again) {
      EXPECT_EQ(store_->All("s"), all);
      const ReadResult cut = store_->Read({.path = "s", .max_bytes = 10'000});
      EXPECT_EQ(cut.data(), all.substr(0, 10'000));
      EXPECT_EQ(cut.up_to_date, all.size() <= 10'000);
    }
  }
}

TEST_F(EngineTest, ACachedPieceIsNotItsSuccessors) {
  for (const char letter : {'a', 'b', 'c'}) {
    const std::string body(10'000, letter);
    ASSERT_OK(store_->Make("s", "", body));
    EXPECT_EQ(store_->All("s"), body);
    ASSERT_OK(store_->Delete({.path = "s"}));
  }
}

// Records.

TEST_F(EngineTest, AppendsOfOneCommitShareARecord) {
  ASSERT_OK(store_->Make("s"));
  std::string all;
  AppendMany("s", 200, all);
  EXPECT_EQ(store_->All("s"), all);
  Reopen();
  EXPECT_EQ(store_->All("s"), all);
  Close();
  EXPECT_LT(CountRecords(), 100u);
}

TEST_F(EngineTest, AForkStopsAtTheAppendNotAtTheRecord) {
  ASSERT_OK(store_->Make("s"));
  std::string all;
  AppendMany("s", 200, all);  // "0;1;2;…199;"
  const auto fork = [&](const std::string& path, uint64_t at, uint64_t sub_offset) {
    const Offset anchor = store_->Read({.path = "s", .max_bytes = at}).next;
    return store_->Create({.path = Named(path), .fork = ForkPoint{"s", anchor, sub_offset}}).status;
  };
  EXPECT_TRUE(fork("whole", 2, 2).ok());
  EXPECT_EQ(store_->All("whole"), "0;1;");
  EXPECT_TRUE(fork("half", 2, 1).ok());
  EXPECT_EQ(store_->All("half"), "0;1");
  EXPECT_EQ(GetErrorCode(fork("beyond", 2, 3)), ErrorCode::kInvalidOffset);
}

TEST_F(EngineTest, ADeletedStreamsAppendsOfTheSameCommitAreGone) {
  ASSERT_OK(store_->Make("s"));
  // Queued together, so mostly committed together.
  std::string all;
  AppendMany("s", 50, all, /*then_delete=*/true);
  Close();
  EXPECT_EQ(CountRecords(), 0u);
}

TEST_F(EngineTest, ReadsHaveSmallRecordsJoined) {
  ASSERT_OK(store_->Make("s", "application/json"));
  std::string all;
  for (int i = 0; i < 300; ++i) {
    const std::string message = "{\"n\":" + std::to_string(i) + "}";
    ASSERT_OK(store_->Append({.path = "s",
                              .content_type = "application/json",
                              .body = message,
                              .stream_seq = absl::StrCat(absl::Dec(i, absl::kZeroPad5))}));
    all += message;
  }
  const std::string before = store_->All("s");
  EXPECT_EQ(before, all);
  const ReadResult third = store_->Read({.path = "s", .max_bytes = 20});
  // The thread that joins them tells nobody when it is done.
  for (int tries = 0; tries < 100; ++tries) {
    Close();
    if (CountRecords() == 1) break;
    Open();
    EXPECT_EQ(store_->All("s"), all);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(CountRecords(), 1u);
  Open();
  const ReadResult whole = store_->Read({.path = "s"});
  EXPECT_EQ(whole.data(), all);
  EXPECT_EQ(whole.message_sizes().size(), 300u);
  const ReadResult rest =
      store_->Read({.path = "s", .from = ReadRequest::From::kOffset, .offset = third.next});
  EXPECT_EQ(third.data() + rest.data(), all);
  EXPECT_EQ(GetErrorCode(store_
                             ->Append({.path = "s",
                                       .content_type = "application/json",
                                       .body = "1",
                                       .stream_seq = "00299"})
                             .status),
            ErrorCode::kSequenceRegression)
      << "the highest Stream-Seq outlives the records that carried it";
  const CreateRequest fork{
      .path = "f", .fork = ForkPoint{.source_path = "s", .offset = third.next, .sub_offset = 1}};
  ASSERT_OK(store_->Create(fork));
  EXPECT_EQ(store_->Read({.path = "f"}).message_sizes().size(), third.message_sizes().size() + 1);
  CreateRequest beyond = fork;
  beyond.path = "g";
  beyond.fork->sub_offset = 2;
  EXPECT_EQ(GetErrorCode(store_->Create(beyond).status), ErrorCode::kInvalidOffset);
}

// The directory.

TEST_F(EngineTest, AnOlderFormatIsTakenOver) {
  ASSERT_OK(store_->Make("s", "", "data"));
  Close();
  const auto format = [&](std::optional<uint64_t> to) {
    auto database = Database::Open(options_.database);
    EXPECT_TRUE(database.ok());
    if (to) {
      rocksdb::WriteBatch batch;
      batch.Put((*database)->family(Family::kMeta), kFormatVersionKey, EncodeNumber(*to));
      EXPECT_TRUE((*database)->Write(batch).ok());
    }
    std::string value;
    EXPECT_TRUE((*database)->Get(Family::kMeta, kFormatVersionKey, &value).ok());
    return DecodeNumber(value);
  };
  EXPECT_EQ(format(1), 1u);
  Open();
  EXPECT_EQ(store_->All("s"), "data");
  Close();
  EXPECT_EQ(format({}), 5u);
  Open();
}

TEST_F(EngineTest, ADirectoryHasOneOwner) {
  const auto second = Engine::Open(options_, clock_);
  ASSERT_FALSE(second.ok());
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
}

TEST_F(EngineTest, ANewerFormatIsRefused) {
  Close();
  {
    auto database = Database::Open(options_.database);
    ASSERT_TRUE(database.ok());
    rocksdb::WriteBatch batch;
    batch.Put((*database)->family(Family::kMeta), kFormatVersionKey, EncodeNumber(1000));
    ASSERT_TRUE((*database)->Write(batch).ok());
  }
  const auto opened = Engine::Open(options_, clock_);
  ASSERT_FALSE(opened.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(opened.status())) << opened.status();
  EXPECT_NE(opened.status().message().find("newer version"), absl::string_view::npos);
}

std::string NewestLog(const std::string& directory) {
  std::string newest;
  for (const auto& file : fs::directory_iterator(directory)) {
    if (file.path().extension() == ".log" && file.path().filename().string() > newest) {
      newest = file.path().filename().string();
    }
  }
  return directory + "/" + newest;
}

TEST_F(EngineTest, ATornLogLosesOnlyWhatWasBeingWritten) {
  ASSERT_OK(store_->Make("s"));
  std::string all;
  for (int i = 0; i < 20; ++i) {
    const std::string body = "append " + std::to_string(i) + ";";
    ASSERT_OK(store_->Append(Produce("s", "p", 0, static_cast<uint64_t>(i), body)));
    all += body;
  }
  for (uintmax_t cut = 1; cut < 200; cut += 7) {
    EngineOptions torn;
    torn.database.directory = Snapshot();
    const std::string log = NewestLog(torn.database.directory);
    fs::resize_file(log, fs::file_size(log) - cut);
    std::string survived;
    uint64_t next_seq = 0;
    {
      auto engine = Engine::Open(torn, clock_);
      ASSERT_TRUE(engine.ok()) << engine.status();
      SyncStore store(**engine);
      survived = store.All("s");
      ASSERT_TRUE(all.starts_with(survived));
      ASSERT_TRUE(survived.ends_with(";"));
      // Data and producer state were cut at the same append.
      next_seq = static_cast<uint64_t>(std::count(survived.begin(), survived.end(), ';'));
      EXPECT_EQ(store.Append(Produce("s", "p", 0, 100, "x")).expected_seq, next_seq);
      ASSERT_OK(store.Append(Produce("s", "p", 0, next_seq, "after;")));
    }
    // What was acknowledged after the tear is there after the next start.
    auto engine = Engine::Open(torn, clock_);
    ASSERT_TRUE(engine.ok()) << engine.status();
    SyncStore store(**engine);
    EXPECT_EQ(store.All("s"), survived + "after;");
    EXPECT_TRUE(store.Append(Produce("s", "p", 0, next_seq, "after;")).duplicate);
  }
}

TEST_F(EngineTest, DamageBeforeTheEndOfTheLogIsReported) {
  ASSERT_OK(store_->Make("s"));
  for (int i = 0; i < 200; ++i) ASSERT_OK(store_->Add("s", std::string(1000, 'x')));
  EngineOptions damaged;
  damaged.database.directory = Snapshot();
  const std::string log = NewestLog(damaged.database.directory);
  std::fstream file(log, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(fs::file_size(log) / 2));
  file.write("damage", 6);
  file.close();
  const auto opened = Engine::Open(damaged, clock_);
  ASSERT_FALSE(opened.ok());
  EXPECT_TRUE(absl::IsDataLoss(opened.status())) << opened.status();
}

// Failed writes.

class FaultyEngineTest : public EngineTest {
 protected:
  FaultyEngineTest() {
    Close();
    options_.database.env = &env_;
    Open();
  }
  ~FaultyEngineTest() override {
    env_.fail_sync = env_.fail_append = false;
    Close();
  }
  // Appends until the engine takes them again.
  AppendResult AppendWhenRecovered(const std::string& path, const std::string& body) {
    AppendResult result;
    for (int i = 0; i < 100; ++i) {
      result = store_->Add(path, body);
      if (result.status.ok()) break;
      clock_.Advance(absl::Seconds(1));
      absl::SleepFor(absl::Milliseconds(20));
    }
    return result;
  }

  FaultyEnv env_;
};

// Whether a log whose sync failed has the write is known only when it is read again.
TEST_F(FaultyEngineTest, AFailedSyncIsUncertainUntilTheNextStart) {
  ASSERT_OK(store_->Make("s", "", "before;"));
  ASSERT_OK(store_->Append(Produce("s", "p", 0, 0, "zero;")));
  env_.fail_sync = true;
  EXPECT_EQ(CodeOf(store_->Append(Produce("s", "p", 0, 1, "one;")).status),
            ErrorCode::kWriteUncertain);
  EXPECT_EQ(CodeOf(store_->Make("new").status), ErrorCode::kStorageUnavailable);
  // Reads go on, and see nothing of it.
  EXPECT_EQ(store_->All("s"), "before;zero;");
  EXPECT_EQ(CodeOf(store_->Head({.path = "new"}).status), ErrorCode::kStreamNotFound);
  env_.fail_sync = false;
  Reopen();
  EXPECT_OK(store_->Append(Produce("s", "p", 0, 1, "one;")));
  EXPECT_EQ(store_->All("s"), "before;zero;one;");
}

TEST_F(FaultyEngineTest, AFullDiskRefusesWritesUntilThereIsSpace) {
  ASSERT_OK(store_->Make("s", "", "before;"));
  env_.fail_append = true;
  EXPECT_EQ(CodeOf(store_->Add("s", "lost;").status), ErrorCode::kStorageFull);
  EXPECT_EQ(CodeOf(store_->Add("s", "lost;").status), ErrorCode::kStorageFull);
  EXPECT_EQ(store_->All("s"), "before;");
  env_.fail_append = false;
  ASSERT_OK(AppendWhenRecovered("s", "after;"));
  EXPECT_EQ(store_->All("s"), "before;after;");
  Reopen();
  EXPECT_EQ(store_->All("s"), "before;after;");
}

// The registry.

class RegistryTest : public EngineTest {
 protected:
  RegistryTest() {
    Close();
    options_.committer.writer.registry = true;
    Open();
  }
  // The registry's events as "operation key".
  std::vector<std::string> Events() {
    const ReadResult read = store_->Read({.path = kRegistryPath, .max_bytes = 1u << 30});
    EXPECT_OK(read);
    std::vector<std::string> events;
    size_t at = 0;
    for (const uint32_t size : read.message_sizes()) {
      const auto event = nlohmann::json::parse(read.data().substr(at, size));
      at += size;
      std::string text =
          event["headers"]["operation"].get<std::string>() + " " + event["key"].get<std::string>();
      if (event["headers"].contains("reason")) {
        text += " " + event["headers"]["reason"].get<std::string>();
      }
      events.push_back(text);
    }
    return events;
  }
};

TEST_F(RegistryTest, CreatesDeletesAndExpiriesAreRecorded) {
  ASSERT_OK(store_->Make("a", "text/plain"));
  ASSERT_OK(store_->Make("a", "text/plain"));  // changes nothing
  ASSERT_OK(store_->Create({.path = "b", .lifetime = {.ttl_seconds = 5}}));
  ASSERT_OK(store_->Delete({.path = "a"}));
  clock_.Advance(absl::Seconds(6));
  EXPECT_EQ(CodeOf(store_->Add("b", "x").status), ErrorCode::kStreamNotFound);
  Reopen();
  EXPECT_EQ(Events(), (std::vector<std::string>{"insert a", "insert b", "delete a deleted",
                                                "delete b expired"}));
}

TEST_F(RegistryTest, ClientsCannotChangeIt) {
  EXPECT_EQ(CodeOf(store_->AddJson(kRegistryPath, "{}").status), ErrorCode::kMethodNotAllowed);
  EXPECT_EQ(CodeOf(store_->Close(kRegistryPath).status), ErrorCode::kMethodNotAllowed);
  EXPECT_EQ(CodeOf(store_->Delete({.path = kRegistryPath}).status), ErrorCode::kMethodNotAllowed);
  EXPECT_TRUE(Events().empty());
}

TEST_F(RegistryTest, AKilledServersRegistryEqualsItsStreams) {
  for (int i = 0; i < 30; ++i) {
    ASSERT_OK(store_->Make("s" + std::to_string(i)));
    if (i % 3 == 0) {
      ASSERT_OK(store_->Delete({.path = Named("s" + std::to_string(i))}));
    }
  }
  for (const uintmax_t cut : {0, 11, 90, 333, 1000, 2000}) {
    EngineOptions copy = options_;
    copy.database.directory = Snapshot();
    const std::string log = NewestLog(copy.database.directory);
    fs::resize_file(log, fs::file_size(log) - cut);
    auto engine = Engine::Open(copy, clock_);
    ASSERT_TRUE(engine.ok()) << engine.status();
    store_.emplace(**engine);
    std::vector<std::string> alive;
    for (const std::string& event : Events()) {
      const std::string path = event.substr(7, event.find(' ', 7) - 7);
      if (event.starts_with("insert")) {
        alive.push_back(path);
      } else {
        std::erase(alive, path);
      }
    }
    std::sort(alive.begin(), alive.end());
    std::vector<std::string> listed;
    for (const StreamInfo& info : store_->List({.page_size = 1000}).streams) {
      if (info.path != kRegistryPath) listed.push_back(info.path);
    }
    EXPECT_EQ(alive, listed);
    store_.reset();
  }
}

}  // namespace
}  // namespace ds

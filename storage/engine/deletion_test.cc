// What becomes of streams that end: what is theirs leaves the disk, whenever the server stops, and
// nobody waits for it.

#include <algorithm>
#include <atomic>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/api/errors.h"
#include "storage/api/sync_store.h"
#include "storage/engine/checker.h"
#include "storage/engine/engine.h"

namespace ds {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

std::string TempDirectory() {
  std::string name = testing::TempDir() + "/deletion-XXXXXX";
  EXPECT_NE(mkdtemp(name.data()), nullptr);
  return name;
}

std::vector<std::string> Problems(const std::string& directory, CheckReport* report = nullptr) {
  std::vector<std::string> problems;
  const auto checked = CheckDirectory(
      directory, [&](const std::string& problem) { problems.push_back(problem); }, [](uint64_t) {});
  EXPECT_TRUE(checked.ok()) << checked.status();
  if (report != nullptr && checked.ok()) *report = *checked;
  return problems;
}

AppendRequest Produce(const std::string& path, const std::string& producer, std::string body) {
  return {.path = Named(path),
          .content_type = "application/octet-stream",
          .body = std::move(body),
          .producer = ProducerTag{producer, 0, 0}};
}

class DeletionTest : public testing::Test {
 protected:
  DeletionTest() : directory_(TempDirectory()) {
    options_.database.directory = directory_ + "/data";
    options_.database.durability = Durability::kOs;
    // Small, so that a few streams reach what only many would.
    options_.remover = {
        .max_single_deletes = 5, .max_single_delete_bytes = 10'000, .max_range_tombstones = 3};
    Open();
  }
  ~DeletionTest() override {
    Close();
    fs::remove_all(directory_);
  }

  void Open() {
    metrics_ = std::make_unique<Metrics>();
    options_.metrics = metrics_.get();
    auto engine = Engine::Open(options_, clock_);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    store_.emplace(*engine_);
  }
  void Close() {
    store_.reset();
    engine_.reset();
  }

  void WaitUntilRemoved() {
    const std::string done = "durable_streams_deleted_streams_waiting 0\n";
    for (int i = 0; i < 2000 && metrics_->Expose().find(done) == std::string::npos; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ASSERT_NE(metrics_->Expose().find(done), std::string::npos);
  }
  double Expired() const {
    const std::string name = "durable_streams_streams_removed_total{reason=\"expired\"} ";
    const std::string text = metrics_->Expose();
    return std::stod(text.substr(text.find(name) + name.size()));
  }

  size_t Count(Database& database, Family family) {
    const std::unique_ptr<rocksdb::Iterator> it(
        database.db().NewIterator(rocksdb::ReadOptions(), database.family(family)));
    size_t count = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) ++count;
    return count;
  }
  // Of records, producers and deletions on disk. REQUIRES: closed.
  std::vector<size_t> Counts() {
    auto database = Database::Open(options_.database);
    EXPECT_TRUE(database.ok());
    return {Count(**database, Family::kRecords), Count(**database, Family::kProducers),
            Count(**database, Family::kDeleted)};
  }

  // One stream of each kind: small, of many records, of large ones, with producers only known from
  // disk, without data.
  std::vector<std::string> MakeKinds(const std::string& prefix) {
    for (const char* kind : {"small", "many", "large", "produced", "empty"}) {
      EXPECT_TRUE(store_->Make(prefix + kind).status.ok());
    }
    store_->Add(prefix + "small", "x");
    for (int i = 0; i < 20; ++i) store_->Add(prefix + "many", "x");
    for (int i = 0; i < 3; ++i) store_->Add(prefix + "large", std::string(8'000, 'x'));
    for (const char* producer : {"a", "b", "c"}) {
      store_->Append(Produce(prefix + "produced", producer, "x"));
    }
    return {prefix + "small", prefix + "many", prefix + "large", prefix + "produced",
            prefix + "empty"};
  }

  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  const std::string directory_;
  EngineOptions options_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<Engine> engine_;
  std::optional<SyncStore> store_;
};

TEST_F(DeletionTest, WhatADeletedStreamHadLeavesTheDiskAndOthersStay) {
  ASSERT_TRUE(store_->Make("before", "", "1").status.ok());
  const std::vector<std::string> paths = MakeKinds("");
  ASSERT_TRUE(store_->Make("after", "", "2").status.ok());
  for (const std::string& path : paths)
    ASSERT_TRUE(store_->Delete({.path = Named(path)}).status.ok());
  for (const std::string& path : paths) {
    EXPECT_EQ(GetErrorCode(store_->Read({.path = Named(path)}).status), ErrorCode::kStreamNotFound);
  }
  WaitUntilRemoved();
  EXPECT_EQ(store_->All("before") + store_->All("after"), "12");
  Close();
  EXPECT_EQ(Counts(), (std::vector<size_t>{2, 0, 0}));
  EXPECT_THAT(Problems(options_.database.directory), IsEmpty());
}

TEST_F(DeletionTest, SoDoesWhatOneHadThatIsNotInMemory) {
  const std::vector<std::string> paths = MakeKinds("");
  Close();
  Open();
  for (const std::string& path : paths)
    ASSERT_TRUE(store_->Delete({.path = Named(path)}).status.ok());
  WaitUntilRemoved();
  Close();
  EXPECT_EQ(Counts(), (std::vector<size_t>{0, 0, 0}));
}

TEST_F(DeletionTest, ManyRangeTombstonesLeaveTheMemtable) {
  for (int i = 0; i < 20; ++i) {
    const std::string path = "s" + std::to_string(i);
    ASSERT_TRUE(store_->Make(path).status.ok());
    ASSERT_TRUE(store_->Make("between" + std::to_string(i), "", "x").status.ok());
    for (int k = 0; k < 8; ++k) ASSERT_TRUE(store_->Add(path, "x").status.ok());
  }
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(store_->Delete({.path = Named("s" + std::to_string(i))}).status.ok());
    WaitUntilRemoved();
  }
  Close();
  EXPECT_EQ(Counts(), (std::vector<size_t>{20, 0, 0}));
  Open();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(store_->All("between" + std::to_string(i)), "x");
}

TEST_F(DeletionTest, ASourceKeepsItsRecordsForItsForks) {
  ASSERT_TRUE(store_->Make("source", "", "one;").status.ok());
  ASSERT_TRUE(store_->Create({.path = "fork", .fork = ForkPoint{"source", {}, 0}}).status.ok());
  ASSERT_TRUE(store_->Create({.path = "fork2", .fork = ForkPoint{"fork", {}, 0}}).status.ok());
  ASSERT_TRUE(store_->Add("fork2", "two;").status.ok());
  ASSERT_TRUE(store_->Delete({.path = "source"}).status.ok());
  ASSERT_TRUE(store_->Delete({.path = "fork"}).status.ok());
  WaitUntilRemoved();
  EXPECT_EQ(store_->All("fork2"), "one;two;");
  Close();
  EXPECT_EQ(Counts(), (std::vector<size_t>{2, 0, 0}));
  Open();
  EXPECT_EQ(store_->All("fork2"), "one;two;");
  ASSERT_TRUE(store_->Delete({.path = "fork2"}).status.ok());
  WaitUntilRemoved();
  Close();
  EXPECT_EQ(Counts(), (std::vector<size_t>{0, 0, 0}));
}

TEST_F(DeletionTest, AStreamMadeAnewHasNothingOfTheOldOne) {
  std::string expected;
  for (int i = 0; i < 30; ++i) {
    expected = std::to_string(i);
    ASSERT_TRUE(store_->Make("s", "", expected).status.ok());
    ASSERT_FALSE(store_->Append(Produce("s", "p", ";")).duplicate);
    ASSERT_EQ(store_->All("s"), expected + ";");
    ASSERT_TRUE(store_->Delete({.path = "s"}).status.ok());
  }
  WaitUntilRemoved();
  Close();
  EXPECT_EQ(Counts(), (std::vector<size_t>{0, 0, 0}));
}

// Readers see all of a stream or that it is gone, never a part of it.
TEST_F(DeletionTest, ReadsBesideADeletionAreWholeOrRefused) {
  constexpr int kStreams = 60;
  const std::string whole(20, 'x');
  for (int i = 0; i < kStreams; ++i) {
    const std::string path = "s" + std::to_string(i);
    ASSERT_TRUE(store_->Make(path).status.ok());
    for (int k = 0; k < 20; ++k) ASSERT_TRUE(store_->Add(path, "x").status.ok());
  }
  Close();
  options_.max_cached_streams = 1;
  options_.chunk_cache_bytes = 0;
  Open();
  std::atomic<bool> done{false};
  std::atomic<int> refused{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&, r] {
      SyncStore store(*engine_);
      for (int i = r; !done; i = (i + 1) % kStreams) {
        const ReadResult read = store.Read({.path = Named("s" + std::to_string(i))});
        if (read.status.ok()) {
          EXPECT_EQ(read.data(), whole);
        } else {
          EXPECT_EQ(GetErrorCode(read.status), ErrorCode::kStreamNotFound) << read.status;
          ++refused;
        }
      }
    });
  }
  for (int i = 0; i < kStreams; ++i) {
    const std::string path = "s" + std::to_string(i);
    ASSERT_TRUE(store_->Delete({.path = Named(path)}).status.ok());
  }
  WaitUntilRemoved();
  while (refused < 10) std::this_thread::yield();
  done = true;
  for (std::thread& reader : readers) reader.join();
}

std::string NewestLog(const std::string& directory) {
  std::string newest;
  for (const auto& file : fs::directory_iterator(directory)) {
    const std::string name = file.path().filename().string();
    if (file.path().extension() == ".log") newest = std::max(newest, name);
  }
  return directory + "/" + newest;
}

// The server may be killed between any two commits, of deletions and of the removals after them:
// cut anywhere, the log leads to a directory without a fault, and the next start removes the rest.
TEST_F(DeletionTest, AKillAtAnyStepLeavesNothingForGood) {
  options_.remover.max_range_tombstones = 1000;  // all stays in the log
  Close();
  Open();
  std::vector<std::string> paths = MakeKinds("a-");
  for (const std::string& path : MakeKinds("b-")) paths.push_back(path);
  ASSERT_TRUE(store_->Make("stays", "", "here").status.ok());
  const uintmax_t made = fs::file_size(NewestLog(options_.database.directory));
  for (const std::string& path : paths)
    ASSERT_TRUE(store_->Delete({.path = Named(path)}).status.ok());
  WaitUntilRemoved();
  const std::string log = NewestLog(options_.database.directory);
  const uintmax_t whole = fs::file_size(log);
  ASSERT_GT(whole, made + 500);
  const std::string data = options_.database.directory;
  const std::string copy = directory_ + "/copy";
  size_t unfinished = 0;
  for (uintmax_t size = made; size <= whole; size += 23) {
    fs::remove_all(copy);
    fs::copy(data, copy, fs::copy_options::recursive);
    fs::resize_file(NewestLog(copy), size);
    CheckReport report;
    ASSERT_THAT(Problems(copy, &report), IsEmpty()) << "after " << size << " bytes of the log";
    unfinished += report.deleted_streams > 0 ? 1 : 0;
    size_t streams = 0;
    {
      Metrics metrics;
      EngineOptions options = options_;
      options.database.directory = copy;
      options.metrics = &metrics;
      auto engine = Engine::Open(options, clock_);
      ASSERT_TRUE(engine.ok()) << engine.status();
      SyncStore store(**engine);
      ASSERT_EQ(store.All("stays"), "here");
      // What is there is whole, and its removal begins here.
      for (const StreamInfo& info : store.List({.page_size = 1000}).streams) {
        ++streams;
        ASSERT_EQ(store.All(info.path).size(), info.tail.position);
        if (info.path == "stays") continue;
        ASSERT_TRUE(store.Delete({StreamPath::FromStore(info.path)}).status.ok());
      }
      const std::string done = "durable_streams_deleted_streams_waiting 0\n";
      while (metrics.Expose().find(done) == std::string::npos) std::this_thread::yield();
    }
    ASSERT_EQ(streams, report.streams);
    ASSERT_THAT(Problems(copy, &report), IsEmpty());
    ASSERT_EQ(report.records, 1u);
    ASSERT_EQ(report.producers, 0u);
    ASSERT_EQ(report.deleted_streams, 0u);
  }
  EXPECT_GT(unfinished, 0u) << "no cut fell between a deletion and its removal";
}

// Format 4 had no family `deleted`, and deleted with range tombstones.
TEST_F(DeletionTest, ADirectoryOfFormat4IsTakenOver) {
  ASSERT_TRUE(store_->Make("gone", "", "gone").status.ok());
  ASSERT_TRUE(store_->Make("stays", "", "here").status.ok());
  const uint64_t id = store_->Head({.path = "gone"}).info.stream_id;
  Close();
  {
    auto database = Database::Open(options_.database);
    ASSERT_TRUE(database.ok());
    rocksdb::WriteBatch batch;
    batch.Delete((*database)->family(Family::kStreams), "gone");
    batch.DeleteRange((*database)->family(Family::kRecords), EncodeNumber(id),
                      EncodeNumber(id + 1));
    batch.Put((*database)->family(Family::kMeta), kFormatVersionKey, EncodeNumber(4));
    ASSERT_TRUE((*database)->Write(batch).ok());
    ASSERT_TRUE((*database)->db().DropColumnFamily((*database)->family(Family::kDeleted)).ok());
  }
  EXPECT_THAT(Problems(options_.database.directory), IsEmpty()) << "as the older program left it";
  Open();
  EXPECT_EQ(store_->All("stays"), "here");
  EXPECT_EQ(GetErrorCode(store_->Read({.path = "gone"}).status), ErrorCode::kStreamNotFound);
  ASSERT_TRUE(store_->Delete({.path = "stays"}).status.ok());
  WaitUntilRemoved();
  Close();
  EXPECT_EQ(Counts(), (std::vector<size_t>{0, 0, 0}));
  EXPECT_THAT(Problems(options_.database.directory), IsEmpty());
}

// Expiry.

TEST_F(DeletionTest, ManyExpiriesAtOnceLetOthersPass) {
  constexpr int kStreams = 3000;
  const absl::Time end = clock_.Now() + absl::Hours(1);
  std::counting_semaphore<> made(0);
  for (int i = 0; i < kStreams; ++i) {
    engine_->Create(
        {.path = Named("s" + std::to_string(i)), .lifetime = {.expires_at = end}, .body = "x"},
        [&](const CreateResult&) { made.release(); });
  }
  for (int i = 0; i < kStreams; ++i) made.acquire();
  ASSERT_TRUE(store_->Make("other").status.ok());
  Close();
  Open();
  clock_.Advance(absl::Hours(2));
  // The sweep begins when it comes; from then on there are commits of others in between.
  while (Expired() == 0) std::this_thread::yield();
  int appends = 0;
  while (Expired() < kStreams) {
    ASSERT_TRUE(store_->Add("other", "x").status.ok());
    ++appends;
  }
  EXPECT_GE(appends, 10);
  WaitUntilRemoved();
  Close();
  CheckReport report;
  EXPECT_THAT(Problems(options_.database.directory, &report), IsEmpty());
  EXPECT_EQ(report.streams, 1u);
}

// The cost of a deletion, whatever went before: see deletion_bench.cc for more of them. CPU time,
// because other processes share the machine.
TEST_F(DeletionTest, TheLastDeletionCostsWhatTheFirstDid) {
  constexpr size_t kStreams = 20'000;
  constexpr size_t kPart = kStreams / 4;
  options_.remover = {};
  const auto path = [](size_t i) { return "s" + std::to_string(i); };
  const auto all = [&](size_t begin, size_t end, const auto& call) {
    std::counting_semaphore<> done(0);
    for (size_t i = begin; i < end; ++i) call(i, done);
    for (size_t i = begin; i < end; ++i) done.acquire();
  };
  all(0, kStreams, [&](size_t i, std::counting_semaphore<>& done) {
    engine_->Create({.path = Named(path(i)), .body = "x"},
                    [&](const CreateResult&) { done.release(); });
  });
  Close();
  Open();
  std::vector<size_t> order(kStreams);
  for (size_t i = 0; i < kStreams; ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
  std::vector<double> seconds;
  for (size_t part = 0; part < 4; ++part) {
    const std::clock_t begun = std::clock();
    all(part * kPart, (part + 1) * kPart, [&](size_t i, std::counting_semaphore<>& done) {
      engine_->Delete({Named(path(order[i]))}, [&](const DeleteResult& result) {
        EXPECT_TRUE(result.status.ok());
        done.release();
      });
    });
    WaitUntilRemoved();
    seconds.push_back(static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC);
  }
  EXPECT_LT(seconds.back(), 3 * seconds.front())
      << "a quarter of them took " << seconds.front() << " s first and " << seconds.back()
      << " s in the end";
}

}  // namespace
}  // namespace ds

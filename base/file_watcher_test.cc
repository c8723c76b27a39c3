#include "base/file_watcher.h"

#include <atomic>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>

#include "gtest/gtest.h"

namespace ds {
namespace {

using std::chrono::milliseconds;

bool Within(milliseconds time, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

void Write(const std::string& file, const std::string& text) {
  // As a whole, as careful writers do.
  { std::ofstream(file + ".new") << text; }
  std::rename((file + ".new").c_str(), file.c_str());
}

TEST(FileWatcherTest, TellsOfChangesOnceEach) {
  const std::string file = ::testing::TempDir() + "/watched";
  Write(file, "one");
  std::atomic<int> calls{0};
  FileWatcher watcher(milliseconds(5));
  watcher.Watch([&] { return std::vector<std::string>{file}; }, [&] { ++calls; });
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(calls, 0);
  Write(file, "two");
  EXPECT_TRUE(Within(milliseconds(5000), [&] { return calls == 1; }));
  std::remove(file.c_str());
  EXPECT_TRUE(Within(milliseconds(5000), [&] { return calls == 2; }));
  Write(file, "three");
  EXPECT_TRUE(Within(milliseconds(5000), [&] { return calls == 3; }));
}

TEST(FileWatcherTest, FollowsWhatAFileNames) {
  const std::string first = ::testing::TempDir() + "/first";
  const std::string second = ::testing::TempDir() + "/second";
  Write(first, "alone");
  Write(second, "unseen");
  std::atomic<bool> named{false};
  std::atomic<int> calls{0};
  FileWatcher watcher(milliseconds(5));
  watcher.Watch(
      [&] {
        return named ? std::vector{first, second} : std::vector{first};
      },
      [&] {
        named = true;
        ++calls;
      });
  Write(first, "names the second");
  EXPECT_TRUE(Within(milliseconds(5000), [&] { return calls == 2; }));
  Write(second, "changed");
  EXPECT_TRUE(Within(milliseconds(5000), [&] { return calls == 3; }));
}

TEST(FileWatcherTest, ActsEachTime) {
  std::atomic<int> calls{0};
  FileWatcher watcher(milliseconds(2));
  watcher.EachTime([&] { ++calls; });
  EXPECT_TRUE(Within(milliseconds(5000), [&] { return calls > 3; }));
}

}  // namespace
}  // namespace ds

#include "storage/engine/pattern_walker.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "storage/api/sync_store.h"
#include "storage/engine/engine.h"

namespace ds {
namespace {

using Clock = std::chrono::steady_clock;

// The walk was done by the thread that commits, so an append waited as long as it took.
TEST(PatternWalker, WritersDoNotWaitForAWalk) {
  const std::unique_ptr<Engine> engine = *Engine::Open({}, ds::Clock::System());
  SyncStore store(*engine);
  for (int i = 0; i < 100'000; ++i) store.Make("many/" + std::to_string(i));
  store.Make("other");

  std::atomic<bool> done{false};
  std::atomic<Clock::duration::rep> longest_append{0};
  std::thread writer([&] {
    while (!done) {
      const Clock::time_point begin = Clock::now();
      EXPECT_TRUE(store.Add("other", "x").status.ok());
      const Clock::duration::rep took = (Clock::now() - begin).count();
      if (took > longest_append) longest_append = took;
    }
  });
  Clock::duration walks{};
  // Of the walk that disturbed least: other work on the machine must not fail the test.
  auto longest = Clock::duration::max();
  constexpr int kWalks = 5;
  for (int i = 0; i < kWalks; ++i) {
    const Clock::time_point begin = Clock::now();
    longest_append = 0;
    const PathPattern pattern = *PathPattern::Parse("**/none" + std::to_string(i));
    EXPECT_TRUE(store
                    .Ask("sub" + std::to_string(i),
                         SubscriptionCall::Put{
                             {.pattern = pattern, .webhook_url = "https://w.example/"}, ""})
                    .created);
    walks += Clock::now() - begin;
    longest = std::min(longest, Clock::duration(longest_append));
  }
  done = true;
  writer.join();
  EXPECT_LT(longest, walks / kWalks / 2);
  const auto microseconds = [](Clock::duration time) {
    return static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
  };
  RecordProperty("walk_microseconds", microseconds(walks / kWalks));
  RecordProperty("longest_append_microseconds", microseconds(longest));
}

}  // namespace
}  // namespace ds

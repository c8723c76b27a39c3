// Deletes N streams that are not in memory, in random order, and prints what each tenth costs.
//   bazel run --config=opt //storage/engine:deletion_bench -- N FOLDER
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <random>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "storage/engine/engine.h"

namespace ds {
namespace {

double CpuSeconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
         static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

// Calls `call(i, done)` for all, some at a time.
template <typename Call>
void Run(size_t count, Call call) {
  constexpr ptrdiff_t kUnderWay = 64;
  std::counting_semaphore<kUnderWay> free(kUnderWay);
  for (size_t i = 0; i < count; ++i) {
    free.acquire();
    call(i, [&free] { free.release(); });
  }
  for (ptrdiff_t i = 0; i < kUnderWay; ++i) free.acquire();
}

int Main(size_t count, const std::string& folder) {
  EngineOptions options;
  options.database.directory = folder;
  options.database.durability = Durability::kOs;
  Metrics metrics;
  options.metrics = &metrics;
  const auto path = [](size_t i) { return "s/" + std::to_string(i); };
  {
    auto engine = *Engine::Open(options, Clock::System());
    Run(count, [&](size_t i, auto done) {
      engine->Create({.path = StreamPath::FromStore(path(i)), .body = std::string(100, 'x')},
                     [done](CreateResult) { done(); });
    });
  }
  auto engine = *Engine::Open(options, Clock::System());
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
  std::atomic<size_t> errors{0};
  for (size_t part = 0; part < 10; ++part) {
    const auto begun = std::chrono::steady_clock::now();
    const double cpu = CpuSeconds();
    const size_t size = count / 10;
    Run(size, [&](size_t i, auto done) {
      engine->Delete({StreamPath::FromStore(path(order[part * size + i]))},
                     [done, &errors](DeleteResult result) {
                       if (!result.status.ok()) ++errors;
                       done();
                     });
    });
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    std::printf("%8.0f /s %6.1f us CPU each\n", static_cast<double>(size) / seconds,
                (CpuSeconds() - cpu) / static_cast<double>(size) * 1e6);
  }
  const auto begun = std::chrono::steady_clock::now();
  while (metrics.Expose().find("durable_streams_deleted_streams_waiting 0") == std::string::npos) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  std::printf("removed %.1f s later, %zu errors\n",
              std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count(),
              errors.load());
  const auto listing = std::chrono::steady_clock::now();
  engine->List({}, [](const ListResult& result) {
    std::printf("%zu streams are left", result.streams.size());
  });
  std::printf(", which took %.3f s to see\n",
              std::chrono::duration<double>(std::chrono::steady_clock::now() - listing).count());
  return 0;
}

}  // namespace
}  // namespace ds

int main(int argc, char** argv) {
  return argc < 3 ? 1 : ds::Main(static_cast<size_t>(std::atoll(argv[1])), argv[2]);
}

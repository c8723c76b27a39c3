#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "base/private_files.h"
#include "server/command_line.h"
#include "server/logging.h"
#include "server/server.h"
#include "spdlog/spdlog.h"

namespace {

// Connections are files: take as many as the system lets us have.
void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// A chunk of a stream is some megabytes, and comes and goes with every request. By default glibc
// gives such memory back to the kernel at once, which then clears new pages for the next: that cost
// the gateway half of its CPU time on large reads (docs/measurements.md).
void KeepFreedMemory() {
  constexpr int kLargestKept = 16 << 20;
  mallopt(M_MMAP_THRESHOLD, kLargestKept);
  mallopt(M_TRIM_THRESHOLD, kLargestKept);
}

std::vector<std::string> OwnEnvironmentNames() {
  std::vector<std::string> names;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    if (text.starts_with("DS_")) names.emplace_back(text.substr(0, text.find('=')));
  }
  return names;
}

// Debian builds Abseil with its developers' checks: each lock that gRPC takes is entered into one
// graph of the whole process, to find cycles.
void SkipDeadlockDetection() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

}  // namespace

int main(int argc, char** argv) {
  ds::MakeFilesPrivate();
  std::string text;
  int exit_code = 0;
  const auto line = ds::ParseCommandLine(
      std::vector<std::string>(argv + 1, argv + argc),
      [](const std::string& name) -> const char* { return std::getenv(name.c_str()); },
      OwnEnvironmentNames(), text, exit_code);
  if (!line) {
    std::fputs(text.c_str(), exit_code == 0 ? stdout : stderr);
    return exit_code;
  }
  ds::SetUpLogging(line->log);
  for (const std::string& warning : line->warnings) spdlog::warn("{}", warning);
  RaiseFileLimit();
  KeepFreedMemory();
  SkipDeadlockDetection();
  if (line->command) return line->command();

  // Before any thread starts, so that all of them leave the signals to sigwait below.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  auto server = ds::Server::Start(line->server, {});
  if (!server.ok()) {
    spdlog::critical("cannot start: {}", std::string(server.status().message()));
    return 1;
  }
  const std::string& where =
      (*server)->url().empty() ? (*server)->grpc_address() : (*server)->url();
  std::printf("durable-streams %s is serving %s\n", ds::kVersion, where.c_str());
  if (!(*server)->admin_address().empty()) {
    std::printf("metrics and health: http://%s/\n", (*server)->admin_address().c_str());
  }
  std::fflush(stdout);

  int signal = 0;
  sigwait(&signals, &signal);
  spdlog::info("stopping");
  (*server)->Stop();
  spdlog::info("stopped");
  return 0;
}

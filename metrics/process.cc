#include "metrics/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "base/limited_log.h"

namespace ds {
namespace {

// Fields of /proc/self/stat behind the command's name, which may hold anything; see proc(5).
struct ProcessStat {
  double cpu_seconds = 0;
  double start_seconds = 0;  // since the machine's start
  double virtual_bytes = 0;
  double resident_bytes = 0;
  double threads = 0;
};

ProcessStat ReadStat() {
  ProcessStat stat;
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return stat;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  const auto skip = [&](int count) {
    for (int i = 0; i < count; ++i) fields >> skipped;
  };
  const double tick = static_cast<double>(sysconf(_SC_CLK_TCK));
  double user = 0;
  double system = 0;
  double pages = 0;
  skip(11);  // state to cmajflt, fields 3 to 13
  fields >> user >> system;
  skip(4);  // cutime to nice
  fields >> stat.threads;
  skip(1);  // itrealvalue
  fields >> stat.start_seconds >> stat.virtual_bytes >> pages;
  stat.cpu_seconds = (user + system) / tick;
  stat.start_seconds /= tick;
  stat.resident_bytes = pages * static_cast<double>(sysconf(_SC_PAGESIZE));
  return stat;
}

double BootTime() {
  std::ifstream file("/proc/stat");
  std::string word;
  double value = 0;
  while (file >> word) {
    if (word == "btime" && file >> value) return value;
  }
  return 0;
}

double OpenFiles() {
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end;
       it.increment(error)) {
    ++count;
  }
  return count;
}

}  // namespace

Metrics::Sampling SampleProcess(Metrics& metrics, const std::string& version,
                                const std::string& role) {
  metrics
      .Gauge("durable_streams_build_info", "Constant 1; the labels tell what runs.",
             {{"version", version}, {"role", role}})
      .Set(1);
  const double start = BootTime() + ReadStat().start_seconds;
  return metrics.Sample([start](Samples& samples) {
    const ProcessStat stat = ReadStat();
    samples.Counter("process_cpu_seconds_total", "User and system CPU time spent.",
                    stat.cpu_seconds);
    samples.Gauge("process_start_time_seconds", "Start of the process since the Unix epoch.",
                  start);
    samples.Gauge("process_virtual_memory_bytes", "Virtual memory size.", stat.virtual_bytes);
    samples.Gauge("process_resident_memory_bytes", "Resident memory size.", stat.resident_bytes);
    samples.Gauge("process_threads", "Threads of the process.", stat.threads);
    samples.Gauge("process_open_fds", "Open file descriptors.", OpenFiles());
    samples.Counter("durable_streams_log_lines_left_out_total",
                    "Log lines that were left out because there were too many of their kind.",
                    static_cast<double>(LogLimit::left_out_total()));
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
      samples.Gauge("process_max_fds", "Largest number of open file descriptors.",
                    static_cast<double>(limit.rlim_cur));
    }
  });
}

}  // namespace ds

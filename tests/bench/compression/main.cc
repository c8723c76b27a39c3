// What compressing answers costs and saves, by coding and level:
//   bazel run --config=opt //tests/bench/compression -- $PWD/docs/*.md
// The files are the prose from which the bodies are made: text as language models stream it, and
// the same as JSON events. Each line is the best of several rounds on one thread: the ratio, CPU
// time per MiB of the body, and the longest step, which is how long an event loop is held.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "gateway/protocol/compression.h"

namespace ds {
namespace {

constexpr int kRounds = 5;

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Words that follow each other as they do in the files: as much prose as asked for, none of it
// longer repeated than in prose.
std::vector<std::string> MakeTokens(const std::string& prose, size_t bytes) {
  std::map<std::string, std::vector<std::string>> followers;
  std::istringstream words(prose);
  std::string last = ".";
  for (std::string word; words >> word; last = word) followers[last].push_back(word);
  std::mt19937 random(1);
  std::vector<std::string> tokens;
  size_t size = 0;
  std::string word = ".";
  while (size < bytes) {
    const std::vector<std::string>& next = followers[word];
    word = next.empty() ? "." : next[random() % next.size()];
    // Tokens are shorter than words.
    const size_t half = word.size() > 6 ? word.size() / 2 : word.size();
    tokens.push_back(" " + word.substr(0, half));
    if (half < word.size()) tokens.push_back(word.substr(half));
    size += word.size() + 1;
  }
  return tokens;
}

std::string Text(const std::vector<std::string>& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += token;
  return text;
}

std::string Json(const std::vector<std::string>& tokens, size_t bytes) {
  std::string json = "[";
  std::mt19937 random(2);
  uint64_t time = 1'700'000'000'000;
  for (size_t i = 0; i < tokens.size() && json.size() < bytes; ++i) {
    std::string escaped;
    for (const char c : tokens[i]) {
      if (c == '"' || c == '\\') escaped += '\\';
      escaped += c;
    }
    if (i > 0) json += ',';
    time += random() % 60;
    json += "{\"type\":\"token\",\"index\":" + std::to_string(i) + ",\"delta\":\"" + escaped +
            "\",\"at\":" + std::to_string(time) + "}";
  }
  return json + "]";
}

struct Measured {
  size_t size = 0;
  double seconds = 0;
  double longest_step = 0;
};

Measured Measure(Coding coding, int level, const std::string& body) {
  Measured measured;
  const double begin = CpuSeconds();
  Compressor compressor(coding, level, body, body.size() + 1000);
  Compressor::State state = Compressor::State::kMore;
  while (state == Compressor::State::kMore) {
    const double step = CpuSeconds();
    state = compressor.Step();
    measured.longest_step = std::max(measured.longest_step, CpuSeconds() - step);
  }
  measured.size = state == Compressor::State::kDone ? compressor.Take().size() : body.size();
  measured.seconds = CpuSeconds() - begin;
  return measured;
}

void Report(const char* name, const std::string& body) {
  const std::vector<std::pair<Coding, std::vector<int>>> levels = {
      {Coding::kGzip, {1, 3, 6}},
      {Coding::kZstd, {-1, 1, 2, 3, 5}},
      {Coding::kBrotli, {0, 1, 2, 3, 4, 5}},
  };
  for (const auto& [coding, tried] : levels) {
    for (const int level : tried) {
      Measured best = Measure(coding, level, body);
      for (int round = 1; round < kRounds; ++round) {
        const Measured other = Measure(coding, level, body);
        best.seconds = std::min(best.seconds, other.seconds);
        best.longest_step = std::min(best.longest_step, other.longest_step);
      }
      const double mib = static_cast<double>(body.size()) / (1 << 20);
      std::printf("| %s, %zu KiB | %s %d | %.2f | %.2f | %.2f |\n", name, body.size() >> 10,
                  std::string(CodingName(coding)).c_str(), level,
                  static_cast<double>(body.size()) / static_cast<double>(best.size),
                  best.seconds * 1000 / mib, best.longest_step * 1000);
    }
  }
}

}  // namespace
}  // namespace ds

int main(int argc, char** argv) {
  std::string prose;
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i]);
    prose.append(std::istreambuf_iterator<char>(file), {});
  }
  if (prose.empty()) {
    std::fprintf(stderr, "usage: compression FILE...\n");
    return 2;
  }
  std::printf("| body | coding, level | ratio | CPU ms/MiB | longest step, ms |\n");
  std::printf("|---|---|---|---|---|\n");
  for (const size_t size : {size_t{4} << 10, size_t{64} << 10, size_t{4} << 20}) {
    const std::vector<std::string> tokens = ds::MakeTokens(prose, size);
    ds::Report("text", ds::Text(tokens));
    ds::Report("JSON", ds::Json(tokens, size));
  }
  return 0;
}

#ifndef TESTS_BENCH_LOAD_WORKLOADS_H_
#define TESTS_BENCH_LOAD_WORKLOADS_H_

#include <cstdint>
#include <string>
#include <vector>

// What the load generator can do to a server. Every workload is bounded in time, checks what it
// gets back, and returns one JSON object; a figure in it has its unit in its name.

namespace ds::bench {

struct CommonOptions {
  std::string url;
  uint32_t connections = 64;
  double seconds = 5;
  double warmup = 1;
};

// Every value that was measured, kept to the end: quantiles are exact.
class Latencies {
 public:
  void Add(int64_t nanos) { values_.push_back(nanos); }
  size_t size() const { return values_.size(); }
  // Milliseconds; 0 when there are none.
  double Quantile(double q);
  // `"p50_ms":…,"p90_ms":…,"p99_ms":…,"p999_ms":…,"max_ms":…`
  std::string Json();

 private:
  std::vector<int64_t> values_;
  bool sorted_ = false;
};

// The time that is measured. At its two ends it prints a line, `measuring` and `measured`, for
// whoever looks at the server from outside: the CPU time in between has nothing of the
// preparations in it.
class Window {
 public:
  explicit Window(const CommonOptions& common);

  bool Measures(int64_t now) const { return now >= begin_ && now < end_; }
  int64_t begin() const { return begin_; }
  int64_t end() const { return end_; }

  // To be called in every turn; returns when at the latest it wants to be called again.
  int64_t Tick(int64_t now);
  // Says that the measured time begins; Tick does it by itself.
  static void Begins();
  // To be called when all that was begun has ended.
  static void Over();

 private:
  const int64_t begin_;
  const int64_t end_;
  bool announced_ = false;
};

struct AppendOptions {
  uint32_t streams = 1;
  uint32_t size = 256;    // of a body, in bytes; of one message with `messages`
  uint32_t messages = 0;  // above 0: a JSON array of that many
  double rate = 0;        // appends a second, all together; 0: as fast as it goes
  bool create = true;     // false: the streams are there
  std::string prefix = "append";
};
// Appends in turn to `streams` streams. With a rate, latency counts from when a request was due.
std::string Appends(const CommonOptions& common, const AppendOptions& options);

// Creates new streams as fast as it goes.
std::string Creates(const CommonOptions& common, const std::string& prefix);

struct ReadOptions {
  uint32_t streams = 1;
  uint32_t records = 1000;  // of each, made first
  uint32_t size = 100;
  bool one_append = false;  // all records in one append
  bool replay = true;       // follow Stream-Next-Offset to the end; false: one GET
};
// Appends, reads of 10 KB in 100 records, HEADs and creates, 70, 20, 9 and 1 of 100, over 1,000
// streams.
std::string Mixed(const CommonOptions& common);

// Reads streams from the beginning, over and over.
std::string Reads(const CommonOptions& common, const ReadOptions& options);

struct StreamsOptions {
  uint64_t count = 10'000;
  uint32_t size = 100;     // bytes that each is made with
  std::string expires_at;  // RFC 3339; empty: never
  std::string prefix = "ending";
  double rate = 500;  // appends a second to other streams
  uint64_t seed = 1;  // of the order of deletion
};
// Makes streams, and those that AppendsBeside appends to.
std::string MakeStreams(const CommonOptions& common, const StreamsOptions& options);
// Deletes them in random order, as fast as it goes, with appends to others beside it: their
// latency.
std::string Deletes(const CommonOptions& common, const StreamsOptions& options);
// Only those appends, for `seconds`.
std::string AppendsBeside(const CommonOptions& common, const StreamsOptions& options);

struct FanOutOptions {
  uint32_t readers = 1000;
  uint32_t streams = 1;
  double rate = 50;  // events a second, all together
  uint32_t size = 256;
};
// Server-sent events: `connections` is not used. Latency is from the sending of an append to the
// arrival of its event at each reader.
std::string FanOut(const CommonOptions& common, const FanOutOptions& options);

// One reader in long-poll, one writer: from the sending of an append to the answer of the poll.
std::string LongPoll(const CommonOptions& common);

// Opens `connections` live reads of one stream, says `ready` on standard output, and holds them.
std::string Idle(const CommonOptions& common, const std::string& mode);

}  // namespace ds::bench

#endif  // TESTS_BENCH_LOAD_WORKLOADS_H_

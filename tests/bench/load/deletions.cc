#include <algorithm>
#include <cstdio>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "tests/bench/load/http_client.h"
#include "tests/bench/load/workloads.h"

// What the end of many streams costs: it is to cost each as much as the first, and others nothing.

namespace ds::bench {
namespace {

constexpr char kOctets[] = "Content-Type: application/octet-stream\r\n";
constexpr int64_t kSecond = 1'000'000'000;
constexpr int kSlices = 10;

std::string PathOf(const std::string& prefix, uint64_t i) {
  return prefix + "/" + std::to_string(i);
}

// Appends at a fixed rate, whose latency counts from when each was due.
class PacedAppends {
 public:
  PacedAppends(Loop& loop, double rate) : interval_(1e9 / rate), began_(Now()) {
    for (uint32_t i = 0; i < kWriters; ++i) {
      writers_.push_back(std::make_unique<Writer>(loop));
      Writer* const writer = writers_.back().get();
      writer->request =
          Request(loop.address(), "POST", PathOf("beside", i), kOctets, std::string(256, 'x'));
      writer->client.on_answer = [this, writer](const Answer& answer) {
        if (answer.status >= 300) ++errors;
        latencies.Add(Now() - writer->due);
        free_.push_back(writer);
      };
      free_.push_back(writer);
    }
  }

  // Sends what is due; returns when the next one is.
  int64_t Tick(int64_t now) {
    while (!free_.empty()) {
      const int64_t due = began_ + static_cast<int64_t>(static_cast<double>(sent_) * interval_);
      if (due > now) return due;
      Writer* const writer = free_.back();
      free_.pop_back();
      ++sent_;
      writer->due = due;
      writer->client.Send(writer->request);
    }
    return now + kSecond / 1000;
  }

  static constexpr uint32_t kWriters = 32;
  Latencies latencies;
  uint64_t errors = 0;

 private:
  struct Writer {
    explicit Writer(Loop& loop) : client(loop) {}
    Client client;
    std::string request;
    int64_t due = 0;
  };
  const double interval_;
  const int64_t began_;
  uint64_t sent_ = 0;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::vector<Writer*> free_;
};

// Sends `make(i)` for 0 … count-1 over the clients; calls `answered` for each answer.
class Sequence {
 public:
  Sequence(Loop& loop, uint32_t connections, uint64_t count,
           std::function<std::string(uint64_t)> make, std::function<void(const Answer&)> answered)
      : count_(count), make_(std::move(make)), answered_(std::move(answered)) {
    for (uint32_t i = 0; i < connections; ++i) {
      clients_.push_back(std::make_unique<Client>(loop));
      Client* const client = clients_.back().get();
      client->on_answer = [this, client](const Answer& answer) {
        ++done_;
        answered_(answer);
        SendNext(*client);
      };
      SendNext(*client);
    }
  }
  bool done() const { return done_ == count_; }
  uint64_t done_count() const { return done_; }

 private:
  void SendNext(Client& client) {
    if (sent_ < count_) client.Send(make_(sent_++));
  }
  const uint64_t count_;
  const std::function<std::string(uint64_t)> make_;
  const std::function<void(const Answer&)> answered_;
  uint64_t sent_ = 0;
  uint64_t done_ = 0;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace

std::string MakeStreams(const CommonOptions& common, const StreamsOptions& options) {
  const Address address = ParseUrl(common.url);
  Window::Begins();
  Loop loop(address);
  std::string headers = kOctets;
  if (!options.expires_at.empty()) {
    headers += "Stream-Expires-At: " + options.expires_at + "\r\n";
  }
  const std::string body(options.size, 'x');
  uint64_t errors = 0;
  const int64_t begun = Now();
  const auto note = [&](const Answer& answer) { errors += answer.status >= 300 ? 1 : 0; };
  Sequence beside(
      loop, 4, PacedAppends::kWriters,
      [&](uint64_t i) { return Request(address, "PUT", PathOf("beside", i), kOctets, {}); }, note);
  Sequence made(
      loop, common.connections, options.count,
      [&](uint64_t i) { return Request(address, "PUT", PathOf(options.prefix, i), headers, body); },
      note);
  loop.Run(Now() + 3600 * kSecond, [&](int64_t now) {
    if (made.done() && beside.done()) loop.Stop();
    return now + kSecond / 100;
  });
  Window::Over();
  char text[120];
  std::snprintf(text, sizeof text, "{\"made\":%llu,\"errors\":%llu,\"seconds\":%.2f}",
                static_cast<unsigned long long>(made.done_count()),
                static_cast<unsigned long long>(errors), static_cast<double>(Now() - begun) / 1e9);
  return text;
}

std::string Deletes(const CommonOptions& common, const StreamsOptions& options) {
  const Address address = ParseUrl(common.url);
  Loop loop(address);
  std::vector<uint32_t> order(options.count);
  std::iota(order.begin(), order.end(), 0u);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(options.seed));
  PacedAppends appends(loop, options.rate);
  uint64_t errors = 0;
  Window::Begins();
  std::vector<int64_t> slices{Now()};
  Sequence deleted(
      loop, common.connections, options.count,
      [&](uint64_t i) {
        return Request(address, "DELETE", PathOf(options.prefix, order[i]), {}, {});
      },
      [&](const Answer& answer) {
        if (answer.status != 204) ++errors;
        if (deleted.done_count() * kSlices >= options.count * slices.size()) {
          slices.push_back(Now());
        }
      });
  loop.Run(Now() + 3600 * kSecond, [&](int64_t now) {
    if (deleted.done()) loop.Stop();
    return std::min(appends.Tick(now), now + kSecond / 100);
  });
  Window::Over();
  const auto rate = [&](size_t from, size_t to) {
    const double part = static_cast<double>(to - from) / kSlices;
    return static_cast<double>(options.count) * part /
           (static_cast<double>(slices[to] - slices[from]) / 1e9);
  };
  char text[240];
  std::snprintf(text, sizeof text,
                "{\"deleted\":%llu,\"errors\":%llu,\"append_errors\":%llu,\"per_second\":%.0f,"
                "\"first_tenth_per_second\":%.0f,\"last_tenth_per_second\":%.0f,",
                static_cast<unsigned long long>(deleted.done_count()),
                static_cast<unsigned long long>(errors),
                static_cast<unsigned long long>(appends.errors), rate(0, slices.size() - 1),
                rate(0, 1), rate(slices.size() - 2, slices.size() - 1));
  return text + appends.latencies.Json() + "}";
}

std::string AppendsBeside(const CommonOptions& common, const StreamsOptions& options) {
  const Address address = ParseUrl(common.url);
  Loop loop(address);
  PacedAppends appends(loop, options.rate);
  Window::Begins();
  loop.Run(Now() + static_cast<int64_t>(common.seconds * 1e9),
           [&](int64_t now) { return appends.Tick(now); });
  Window::Over();
  return "{\"appends\":" + std::to_string(appends.latencies.size()) +
         ",\"append_errors\":" + std::to_string(appends.errors) + "," + appends.latencies.Json() +
         "}";
}

}  // namespace ds::bench

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/load/http_client.h"
#include "tests/bench/load/workloads.h"

// The workloads that are requests and answers: appends, creates, reads.

namespace ds::bench {
namespace {

constexpr char kOctets[] = "Content-Type: application/octet-stream\r\n";
constexpr char kJson[] = "Content-Type: application/json\r\n";
constexpr int64_t kSecond = 1'000'000'000;

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "load: %s\n", what.c_str());
  std::exit(1);
}

// Sends the requests that `make(i)` gives for 0 … count-1 over a few connections and waits for all
// answers, which must be successes.
template <typename Make>
void SendAll(const Address& address, uint64_t count, Make make) {
  Loop loop(address);
  uint64_t sent = 0;
  uint64_t answered = 0;
  std::vector<std::unique_ptr<Client>> clients;
  for (uint64_t i = 0; i < std::min<uint64_t>(count, 32); ++i) {
    auto client = std::make_unique<Client>(loop);
    Client* const raw = client.get();
    client->on_answer = [&, raw](const Answer& answer) {
      if (answer.status >= 300) Fail("preparing: status " + std::to_string(answer.status));
      if (++answered == count) loop.Stop();
      if (sent < count) raw->Send(make(sent++));
    };
    client->Send(make(sent++));
    clients.push_back(std::move(client));
  }
  loop.Run(Now() + 600 * kSecond, [](int64_t now) { return now + kSecond; });
  if (answered != count) Fail("preparing did not end");
}

// Counts the answers of one measured run.
struct Run {
  explicit Run(const CommonOptions& common) : window(common) {}

  Window window;
  uint64_t requests = 0;
  uint64_t errors = 0;
  uint64_t bytes = 0;
  Latencies latencies;

  std::string Json(const CommonOptions& common, const Loop& loop) {
    Window::Over();
    char text[300];
    std::snprintf(
        text, sizeof text,
        "{\"requests\":%llu,\"per_second\":%.1f,\"bytes_per_second\":%.0f,"
        "\"errors\":%llu,\"lost_connections\":%llu,",
        static_cast<unsigned long long>(requests), static_cast<double>(requests) / common.seconds,
        static_cast<double>(bytes) / common.seconds, static_cast<unsigned long long>(errors),
        static_cast<unsigned long long>(loop.lost()));
    return text + latencies.Json() + "}";
  }
};

std::string BodyOf(const AppendOptions& options) {
  const std::string filler(options.size, 'x');
  if (options.messages == 0) return filler;
  std::string body = "[";
  for (uint32_t i = 0; i < options.messages; ++i) {
    body += (i > 0 ? ",{\"v\":\"" : "{\"v\":\"") + filler.substr(0, options.size - 8) + "\"}";
  }
  return body + "]";
}

}  // namespace

std::string Appends(const CommonOptions& common, const AppendOptions& options) {
  const Address address = ParseUrl(common.url);
  const char* const type = options.messages > 0 ? kJson : kOctets;
  const auto path = [&](uint64_t i) { return options.prefix + "/" + std::to_string(i); };
  if (options.create) {
    SendAll(address, options.streams,
            [&](uint64_t i) { return Request(address, "PUT", path(i), type, {}); });
  }
  std::vector<std::string> requests;
  const std::string body = BodyOf(options);
  for (uint32_t i = 0; i < options.streams; ++i) {
    requests.push_back(Request(address, "POST", path(i), type, body));
  }

  Loop loop(address);
  Run run(common);
  uint64_t next = 0;
  struct Worker {
    std::unique_ptr<Client> client;
    int64_t due = 0;  // of the request under way; 0: none is
  };
  std::vector<Worker> workers(common.connections);
  // With a rate: when the next request is due, whether somebody is free to send it or not.
  const double interval = options.rate > 0 ? 1e9 / options.rate : 0;
  const int64_t started = Now();
  uint64_t scheduled = 0;
  std::vector<Worker*> free;
  const auto send = [&](Worker& worker, int64_t due) {
    worker.due = due;
    worker.client->Send(requests[next++ % requests.size()]);
  };
  for (Worker& worker : workers) {
    worker.client = std::make_unique<Client>(loop);
    worker.client->on_answer = [&](const Answer& answer) {
      const int64_t now = Now();
      if (run.window.Measures(now)) {
        answer.status < 300 ? ++run.requests : ++run.errors;
        run.bytes += body.size();
        run.latencies.Add(now - worker.due);
      }
      if (interval > 0) {
        free.push_back(&worker);
      } else {
        send(worker, now);
      }
    };
    if (interval > 0) {
      free.push_back(&worker);
    } else {
      send(worker, Now());
    }
  }
  loop.Run(run.window.end(), [&](int64_t now) {
    const int64_t tick = run.window.Tick(now);
    if (interval == 0) return tick;
    while (!free.empty()) {
      const int64_t due = started + static_cast<int64_t>(static_cast<double>(scheduled) * interval);
      if (due > now) return std::min(due, tick);
      Worker* const worker = free.back();
      free.pop_back();
      ++scheduled;
      send(*worker, due);
    }
    return tick;
  });
  return run.Json(common, loop);
}

std::string Mixed(const CommonOptions& common) {
  constexpr uint64_t kStreams = 1000;
  const Address address = ParseUrl(common.url);
  const auto path = [](uint64_t i) { return "mixed/" + std::to_string(i % kStreams); };
  SendAll(address, kStreams,
          [&](uint64_t i) { return Request(address, "PUT", path(i), kOctets, {}); });
  // What is read: a stream that nobody appends to, so that every answer's size is known.
  constexpr uint64_t kRecords = 100;
  const std::string record(100, 'r');
  SendAll(address, 1, [&](uint64_t) { return Request(address, "PUT", "mixed-read", kOctets, {}); });
  SendAll(address, kRecords,
          [&](uint64_t) { return Request(address, "POST", "mixed-read", kOctets, record); });
  const std::string body(256, 'x');

  Loop loop(address);
  Run run(common);
  uint64_t next = 0;
  struct Worker {
    std::unique_ptr<Client> client;
    uint64_t turn = 0;
    int64_t sent = 0;
  };
  std::vector<Worker> workers(common.connections);
  const auto send = [&](Worker& worker) {
    // Consecutive turns are spread over the kinds: 37 and 100 have no common divisor.
    worker.turn = next++;
    worker.sent = Now();
    const uint64_t kind = worker.turn * 37 % 100;
    if (kind < 70) {
      worker.client->Send(Request(address, "POST", path(worker.turn), kOctets, body));
    } else if (kind < 90) {
      worker.client->Send(Request(address, "GET", "mixed-read?offset=-1", {}, {}));
    } else if (kind < 99) {
      worker.client->Send(Request(address, "HEAD", path(worker.turn), {}, {}));
    } else {
      const std::string created = "mixed-new/" + std::to_string(worker.turn);
      worker.client->Send(Request(address, "PUT", created, kOctets, {}));
    }
  };
  for (Worker& worker : workers) {
    worker.client = std::make_unique<Client>(loop);
    worker.client->on_answer = [&](const Answer& answer) {
      const int64_t now = Now();
      if (run.window.Measures(now)) {
        const uint64_t kind = worker.turn * 37 % 100;
        const bool read = kind >= 70 && kind < 90;
        const bool good =
            answer.status < 300 && (!read || answer.body.size() == kRecords * record.size());
        good ? ++run.requests : ++run.errors;
        run.latencies.Add(now - worker.sent);
      }
      send(worker);
    };
    send(worker);
  }
  loop.Run(run.window.end(), [&](int64_t now) { return run.window.Tick(now); });
  return run.Json(common, loop);
}

std::string Creates(const CommonOptions& common, const std::string& prefix) {
  const Address address = ParseUrl(common.url);
  Loop loop(address);
  Run run(common);
  uint64_t next = 0;
  const auto request = [&] {
    return Request(address, "PUT", prefix + "/" + std::to_string(next++), kOctets, {});
  };
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<int64_t> sent(common.connections);
  for (uint32_t i = 0; i < common.connections; ++i) {
    auto client = std::make_unique<Client>(loop);
    client->on_answer = [&, i, raw = client.get()](const Answer& answer) {
      const int64_t now = Now();
      if (run.window.Measures(now)) {
        answer.status == 201 ? ++run.requests : ++run.errors;
        run.latencies.Add(now - sent[i]);
      }
      sent[i] = now;
      raw->Send(request());
    };
    sent[i] = Now();
    client->Send(request());
    clients.push_back(std::move(client));
  }
  loop.Run(run.window.end(), [&](int64_t now) { return run.window.Tick(now); });
  return run.Json(common, loop);
}

std::string Reads(const CommonOptions& common, const ReadOptions& options) {
  const Address address = ParseUrl(common.url);
  const std::string prefix = "read-" + std::to_string(options.records) + "-" +
                             std::to_string(options.size) + (options.one_append ? "-one" : "");
  const auto path = [&](uint64_t i) { return prefix + "/" + std::to_string(i % options.streams); };
  SendAll(address, options.streams,
          [&](uint64_t i) { return Request(address, "PUT", path(i), kOctets, {}); });
  const uint64_t appends = options.one_append ? 1 : options.records;
  const uint64_t expected = uint64_t{options.records} * options.size;
  const std::string body(options.one_append ? expected : options.size, 'r');
  SendAll(address, appends * options.streams,
          [&](uint64_t i) { return Request(address, "POST", path(i), kOctets, body); });

  Loop loop(address);
  Run run(common);
  struct Reader {
    std::unique_ptr<Client> client;
    uint64_t stream = 0;
    uint64_t bytes = 0;
    int64_t begun = 0;
  };
  std::vector<Reader> readers(common.connections);
  uint64_t next = 0;
  const auto get = [&](Reader& reader, std::string_view offset) {
    reader.client->Send(
        Request(address, "GET", path(reader.stream) + "?offset=" + std::string(offset), {}, {}));
  };
  for (Reader& reader : readers) {
    reader.client = std::make_unique<Client>(loop);
    reader.client->on_answer = [&](const Answer& answer) {
      const int64_t now = Now();
      reader.bytes += answer.body.size();
      if (run.window.Measures(now)) run.bytes += answer.body.size();
      const bool more = answer.status == 200 && answer.Find("stream-up-to-date").empty();
      if (options.replay && more) return get(reader, answer.Find("stream-next-offset"));
      if (run.window.Measures(now)) {
        const bool whole = answer.status == 200 && reader.bytes == expected;
        whole ? ++run.requests : ++run.errors;
        run.latencies.Add(now - reader.begun);
      }
      reader.stream = next++;
      reader.bytes = 0;
      reader.begun = now;
      get(reader, "-1");
    };
    reader.stream = next++;
    reader.begun = Now();
    get(reader, "-1");
  }
  loop.Run(run.window.end(), [&](int64_t now) { return run.window.Tick(now); });
  return run.Json(common, loop);
}

}  // namespace ds::bench

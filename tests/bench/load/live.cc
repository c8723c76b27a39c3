#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/load/http_client.h"
#include "tests/bench/load/workloads.h"

// The workloads of live readers: fan-out over server-sent events, long-poll, idle connections.

namespace ds::bench {
namespace {

constexpr char kText[] = "Content-Type: text/plain\r\n";
constexpr int64_t kSecond = 1'000'000'000;

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "load: %s\n", what.c_str());
  std::exit(1);
}

// One request, waited for.
std::string Ask(const Address& address, const std::string& request) {
  Loop loop(address);
  Client client(loop);
  std::string head;
  client.on_answer = [&](const Answer& answer) {
    if (answer.status >= 300) Fail("preparing: status " + std::to_string(answer.status));
    head = std::string(answer.head);
    loop.Stop();
  };
  client.Send(request);
  loop.Run(Now() + 30 * kSecond, [](int64_t now) { return now + kSecond; });
  return head;
}

// An event's payload: `@<number>@<nanoseconds>@` and filler.
std::string Payload(uint64_t number, int64_t sent, uint32_t size) {
  std::string text = "@" + std::to_string(number) + "@" + std::to_string(sent) + "@";
  if (text.size() < size) text.append(size - text.size(), 'e');
  return text;
}

// Finds payloads in a stream of bytes that comes in any pieces.
class PayloadScanner {
 public:
  template <typename Found>
  void Feed(std::string_view bytes, Found found) {
    for (const char c : bytes) {
      if (c == '@') {
        if (++marks_ == 3) {
          uint64_t number = 0;
          int64_t sent = 0;
          const size_t middle = text_.find('@');
          std::from_chars(text_.data(), text_.data() + middle, number);
          std::from_chars(text_.data() + middle + 1, text_.data() + text_.size(), sent);
          found(number, sent);
          marks_ = 0;
          text_.clear();
          continue;
        }
        if (marks_ == 2) text_.push_back('@');
      } else if (marks_ > 0) {
        text_.push_back(c);
      }
    }
  }

 private:
  int marks_ = 0;
  std::string text_;
};

}  // namespace

std::string FanOut(const CommonOptions& common, const FanOutOptions& options) {
  const Address address = ParseUrl(common.url);
  const auto path = [&](uint64_t i) { return "fan/" + std::to_string(i % options.streams); };
  for (uint32_t i = 0; i < options.streams; ++i) {
    Ask(address, Request(address, "PUT", path(i), kText, {}));
  }
  Loop loop(address);
  struct Reader {
    std::unique_ptr<Client> client;
    PayloadScanner scanner;
    uint64_t next = 0;  // the number of the next event of its stream
  };
  std::deque<Reader> readers;
  uint64_t open = 0;
  uint64_t delivered = 0;
  uint64_t measured = 0;
  uint64_t disordered = 0;
  Latencies latencies;
  int64_t begin = 0;
  for (uint32_t i = 0; i < options.readers; ++i) {
    Reader& reader = readers.emplace_back();
    reader.client = std::make_unique<Client>(loop);
    reader.client->on_answer = [&](const Answer& answer) {
      if (answer.status != 200) Fail("a reader got status " + std::to_string(answer.status));
      ++open;
    };
    reader.client->on_stream = [&](std::string_view bytes) {
      const int64_t now = Now();
      reader.scanner.Feed(bytes, [&](uint64_t number, int64_t sent) {
        if (number != reader.next) ++disordered;
        reader.next = number + 1;
        ++delivered;
        if (sent < begin) return;
        ++measured;
        latencies.Add(now - sent);
      });
    };
    reader.client->Send(Request(address, "GET", path(i) + "?offset=now&live=sse", {}, {}));
    if (i % 256 == 255 || i + 1 == options.readers) {
      loop.Run(Now() + 30 * kSecond, [&](int64_t now) {
        if (open == i + 1) loop.Stop();
        return now + kSecond;
      });
      if (open != i + 1) Fail("not all readers were let in");
    }
  }

  // Some more writers than are busy at once, so that an append never waits for another's answer.
  std::vector<std::unique_ptr<Client>> writers;
  std::vector<Client*> free;
  uint64_t errors = 0;
  for (int i = 0; i < 16; ++i) {
    auto client = std::make_unique<Client>(loop);
    client->on_answer = [&, raw = client.get()](const Answer& answer) {
      if (answer.status >= 300) ++errors;
      free.push_back(raw);
    };
    free.push_back(client.get());
    writers.push_back(std::move(client));
  }
  Window window(common);
  begin = window.begin();
  const int64_t started = Now();
  std::vector<uint64_t> numbers(options.streams);
  uint64_t scheduled = 0;
  loop.Run(window.end(), [&](int64_t now) {
    const int64_t tick = window.Tick(now);
    while (true) {
      const int64_t due =
          started + static_cast<int64_t>(static_cast<double>(scheduled) * 1e9 / options.rate);
      if (due > now) return std::min(due, tick);
      if (free.empty()) return tick;
      const uint64_t stream = scheduled++ % options.streams;
      Client* const writer = free.back();
      free.pop_back();
      writer->Send(Request(address, "POST", path(stream), kText,
                           Payload(numbers[stream]++, Now(), options.size)));
    }
  });
  // What was sent may take a while to arrive everywhere.
  uint64_t expected = 0;
  for (uint32_t i = 0; i < options.readers; ++i) expected += numbers[i % options.streams];
  loop.Run(Now() + 10 * kSecond, [&](int64_t now) {
    if (delivered >= expected) loop.Stop();
    return now + kSecond / 100;
  });
  Window::Over();
  char text[300];
  std::snprintf(
      text, sizeof text,
      "{\"events\":%llu,\"deliveries\":%llu,\"measured\":%llu,\"missing\":%llu,"
      "\"disordered\":%llu,\"errors\":%llu,\"lost_connections\":%llu,",
      static_cast<unsigned long long>(scheduled), static_cast<unsigned long long>(delivered),
      static_cast<unsigned long long>(measured),
      static_cast<unsigned long long>(expected - std::min(expected, delivered)),
      static_cast<unsigned long long>(disordered), static_cast<unsigned long long>(errors),
      static_cast<unsigned long long>(loop.lost()));
  return text + latencies.Json() + "}";
}

std::string LongPoll(const CommonOptions& common) {
  const Address address = ParseUrl(common.url);
  const std::string path = "poll";
  Ask(address, Request(address, "PUT", path, kText, {}));
  Loop loop(address);
  Client reader(loop);
  Client writer(loop);
  Latencies latencies;
  uint64_t errors = 0;
  int64_t sent = 0;
  int64_t write_at = 0;
  Window window(common);
  const auto poll = [&](std::string_view offset) {
    reader.Send(Request(address, "GET", path + "?offset=" + std::string(offset) + "&live=long-poll",
                        {}, {}));
    // The poll must be waiting when the append comes.
    write_at = Now() + 2'000'000;
  };
  reader.on_answer = [&](const Answer& answer) {
    const int64_t now = Now();
    if (answer.status != 200) ++errors;
    if (window.Measures(now) && answer.status == 200) latencies.Add(now - sent);
    poll(answer.Find("stream-next-offset"));
  };
  writer.on_answer = [&](const Answer& answer) {
    if (answer.status >= 300) ++errors;
  };
  poll("now");
  loop.Run(window.end(), [&](int64_t now) {
    const int64_t tick = window.Tick(now);
    if (write_at != 0 && now >= write_at) {
      write_at = 0;
      sent = Now();
      writer.Send(Request(address, "POST", path, kText, "an event"));
    }
    return write_at != 0 ? std::min(write_at, tick) : tick;
  });
  Window::Over();
  const std::string count = std::to_string(latencies.size());
  return "{\"polls\":" + count + ",\"errors\":" + std::to_string(errors) + "," + latencies.Json() +
         "}";
}

std::string Idle(const CommonOptions& common, const std::string& mode) {
  const Address address = ParseUrl(common.url);
  Ask(address, Request(address, "PUT", "idle", kText, {}));
  Loop loop(address);
  std::vector<std::unique_ptr<Client>> clients;
  uint64_t answered = 0;
  for (uint32_t i = 0; i < common.connections; ++i) {
    auto client = std::make_unique<Client>(loop);
    client->on_answer = [&](const Answer&) { ++answered; };
    if (mode == "sse") client->on_stream = [](std::string_view) {};
    if (mode != "open") {
      client->Send(Request(address, "GET", "idle?offset=now&live=" + mode, {}, {}));
    }
    clients.push_back(std::move(client));
    if (i % 256 == 255) {
      loop.Run(Now() + 20'000'000, [](int64_t now) { return now + kSecond; });
    }
  }
  loop.Run(Now() + kSecond, [](int64_t now) { return now + kSecond; });
  std::printf("ready\n");
  std::fflush(stdout);
  loop.Run(Now() + static_cast<int64_t>(common.seconds * 1e9),
           [](int64_t now) { return now + kSecond; });
  return "{\"connections\":" + std::to_string(common.connections) +
         ",\"answered\":" + std::to_string(answered) +
         ",\"lost_connections\":" + std::to_string(loop.lost()) + "}";
}

}  // namespace ds::bench

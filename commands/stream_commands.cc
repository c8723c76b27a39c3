#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/percent_encode.h"
#include "commands/commands.h"
#include "commands/http_call.h"
#include "nlohmann/json.hpp"

// `durable-streams stream`: one's streams from a terminal, over the same HTTP as everybody.

namespace ds {
namespace {

using nlohmann::literals::operator""_json_pointer;

// How much of standard input one append carries.
constexpr size_t kAppendBytes = 1 << 20;
constexpr int kTries = 5;
constexpr auto kRetryPause = std::chrono::milliseconds(500);
constexpr auto kProgressInterval = std::chrono::milliseconds(200);

struct StreamOptions {
  std::string server = "http://localhost:4437/v1/stream/";
  std::string token;
  std::string ca_file;
  std::string path;
  std::string content_type;
  std::string ttl;
  std::string fork_from;
  std::string offset = "-1";
  std::string data;
  std::string if_match;
  bool has_data = false;
  bool lines = false;
  bool close = false;
  bool follow = false;
};

// How far a long piece of work has come, on a terminal only.
class Progress {
 public:
  void Add(size_t bytes) {
    bytes_ += bytes;
    const auto now = std::chrono::steady_clock::now();
    if (!terminal_ || now - shown_ < kProgressInterval) return;
    shown_ = now;
    std::fprintf(stderr, "\r%.1f MiB", static_cast<double>(bytes_) / (1 << 20));
  }
  ~Progress() {
    if (terminal_ && shown_ != std::chrono::steady_clock::time_point()) std::fputc('\n', stderr);
  }

 private:
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  size_t bytes_ = 0;
  std::chrono::steady_clock::time_point shown_;
};

// An offset in quotes is one; `*` and what has quotes stay as they are.
std::string EntityTag(const std::string& text) {
  const bool bare = !text.empty() && text != "*" && text.find('"') == std::string::npos;
  return bare ? absl::StrCat("\"", text, "\"") : text;
}

class StreamClient {
 public:
  explicit StreamClient(const StreamOptions& options) : options_(options) {
    root_ = options.server;
    if (!root_.ends_with('/')) root_.push_back('/');
    if (!options.token.empty()) common_.emplace_back("Authorization", "Bearer " + options.token);
  }

  HttpCall Call(const std::string& method, const std::string& query = {}) const {
    HttpCall call;
    call.method = method;
    call.url = root_ + PercentEncode(options_.path, "/") + query;
    call.headers = common_;
    call.ca_file = options_.ca_file;
    return call;
  }

  // Repeats what the server asks to repeat, as far as that is safe.
  static HttpCall::Answer RunWithRetries(const HttpCall& call, bool repeatable) {
    HttpCall::Answer answer;
    for (int i = 0; i < kTries; ++i) {
      answer = call.Run();
      const bool again =
          answer.status == 429 || (repeatable && (answer.status == 503 || answer.status == 0));
      if (!again) break;
      std::this_thread::sleep_for(kRetryPause);
    }
    return answer;
  }

  // 0, or 1 with the reason on standard error.
  static int Judge(const HttpCall& call, const HttpCall::Answer& answer) {
    if (answer.status >= 200 && answer.status < 300) return 0;
    if (answer.status == 0) {
      std::fprintf(stderr, "%s: %s\n", call.url.c_str(), answer.failure.c_str());
      return 1;
    }
    const nlohmann::json problem = nlohmann::json::parse(answer.body, nullptr, false);
    std::string reason = absl::StrCat(answer.status);
    if (problem.is_object()) {
      for (const char* const member : {"title", "detail"}) {
        if (problem.contains(member) && problem[member].is_string()) {
          absl::StrAppend(&reason, ": ", problem[member].get<std::string>());
        }
      }
    }
    std::fprintf(stderr, "%s: %s\n", call.url.c_str(), reason.c_str());
    return 1;
  }

  int Create() const {
    HttpCall call = Call("PUT");
    if (!options_.content_type.empty()) {
      call.headers.emplace_back("Content-Type", options_.content_type);
    } else {
      call.headers.emplace_back("Content-Type", "");  // without, libcurl would name one
    }
    if (!options_.ttl.empty()) call.headers.emplace_back("Stream-TTL", options_.ttl);
    if (!options_.fork_from.empty()) {
      const std::string path = root_.substr(root_.find('/', root_.find("://") + 3));
      call.headers.emplace_back("Stream-Forked-From",
                                path + PercentEncode(options_.fork_from, "/"));
    }
    if (options_.close) call.headers.emplace_back("Stream-Closed", "true");
    const HttpCall::Answer answer = RunWithRetries(call, /*repeatable=*/true);
    if (Judge(call, answer) != 0) return 1;
    std::printf("%s %s\n", answer.status == 201 ? "created" : "exists",
                answer.Header("stream-next-offset").c_str());
    return 0;
  }

  int Append() const {
    std::string type = options_.content_type;
    if (type.empty()) {
      const HttpCall call = Call("HEAD");
      const HttpCall::Answer answer = RunWithRetries(call, /*repeatable=*/true);
      if (Judge(call, answer) != 0) return 1;
      type = answer.Header("content-type");
    }
    // A producer of this run's own makes each append safe to repeat (section 5.2.1).
    const std::string producer = absl::StrCat(
        "cli-", getpid(), "-", std::chrono::system_clock::now().time_since_epoch().count());
    uint64_t seq = 0;
    std::string offset;
    // Each piece stands right behind the one before, or the rest is not appended.
    std::string condition = EntityTag(options_.if_match);
    Progress progress;
    const auto send = [&](std::string body, bool close) {
      HttpCall call = Call("POST");
      call.headers.emplace_back("Content-Type", body.empty() ? "" : type);
      call.headers.emplace_back("Producer-Id", producer);
      call.headers.emplace_back("Producer-Epoch", "0");
      call.headers.emplace_back("Producer-Seq", std::to_string(seq++));
      if (close) call.headers.emplace_back("Stream-Closed", "true");
      if (!condition.empty()) call.headers.emplace_back("If-Match", condition);
      call.body = std::move(body);
      const HttpCall::Answer answer = RunWithRetries(call, /*repeatable=*/true);
      if (Judge(call, answer) != 0) return false;
      offset = answer.Header("stream-next-offset");
      if (!condition.empty()) condition = EntityTag(offset);
      progress.Add(call.body.size());
      return true;
    };
    bool good = true;
    if (options_.has_data) {
      good = send(options_.data, options_.close);
    } else {
      good = SendInput(send) && (!options_.close || send({}, true));
    }
    if (!good) return 1;
    std::printf("%s\n", offset.c_str());
    return 0;
  }

  // Standard input: in pieces as it comes, or a line at a time.
  template <typename Send>
  bool SendInput(Send send) const {
    std::string pending;
    std::vector<char> buffer(kAppendBytes);
    ssize_t size;
    while ((size = read(STDIN_FILENO, buffer.data(), buffer.size())) > 0) {
      if (!options_.lines) {
        if (!send(std::string(buffer.data(), static_cast<size_t>(size)), false)) return false;
        continue;
      }
      pending.append(buffer.data(), static_cast<size_t>(size));
      size_t begin = 0;
      for (size_t end; (end = pending.find('\n', begin)) != std::string::npos; begin = end + 1) {
        if (end > begin && !send(pending.substr(begin, end - begin), false)) return false;
      }
      pending.erase(0, begin);
    }
    return pending.empty() || send(pending, false);
  }

  int Read() const {
    std::string offset = options_.offset;
    Progress progress;
    bool live = false;
    int failures = 0;
    while (true) {
      HttpCall call = Call("GET", absl::StrCat("?offset=", offset, live ? "&live=long-poll" : ""));
      call.sink = [&](std::string_view bytes) {
        progress.Add(bytes.size());
        return std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size();
      };
      const HttpCall::Answer answer = call.Run();
      const bool passing = answer.status == 503 || answer.status == 429 || answer.status == 0;
      if (passing && (options_.follow || ++failures < kTries)) {
        // What came of a broken answer cannot be taken back, so only a whole one is repeated.
        if (answer.status == 0 && !answer.headers.empty()) return Judge(call, answer);
        std::this_thread::sleep_for(kRetryPause);
        continue;
      }
      if (Judge(call, answer) != 0) return 1;
      failures = 0;
      std::fflush(stdout);
      offset = answer.Header("stream-next-offset");
      const bool closed = !answer.Header("stream-closed").empty();
      const bool at_tail = !answer.Header("stream-up-to-date").empty();
      if (closed || (at_tail && !options_.follow)) return 0;
      live = at_tail || live;
    }
  }

  int Head() const {
    const HttpCall call = Call("HEAD");
    const HttpCall::Answer answer = RunWithRetries(call, /*repeatable=*/true);
    if (Judge(call, answer) != 0) return 1;
    for (const auto& [name, value] : answer.headers) {
      if (name == "content-type" || name.starts_with("stream-")) {
        std::printf("%s: %s\n", name.c_str(), value.c_str());
      }
    }
    return 0;
  }

  int Delete() const {
    const HttpCall call = Call("DELETE");
    return Judge(call, call.Run());
  }

  // From the registry, which tells of every creation and end.
  int List() const {
    StreamOptions registry = options_;
    registry.path = "__registry__";
    const StreamClient client(registry);
    std::map<std::string, std::string> streams;  // path to content type
    std::string offset = "-1";
    while (true) {
      HttpCall call = client.Call("GET", "?offset=" + offset);
      const HttpCall::Answer answer = RunWithRetries(call, /*repeatable=*/true);
      if (answer.status == 404) {
        std::fprintf(stderr, "the server keeps no registry of its streams (--registry)\n");
        return 1;
      }
      if (Judge(call, answer) != 0) return 1;
      Fold(nlohmann::json::parse(answer.body, nullptr, false), streams);
      offset = answer.Header("stream-next-offset");
      if (!answer.Header("stream-up-to-date").empty()) break;
    }
    for (const auto& [path, type] : streams) {
      if (path.starts_with(options_.path)) std::printf("%s\t%s\n", path.c_str(), type.c_str());
    }
    return 0;
  }

 private:
  static void Fold(const nlohmann::json& events, std::map<std::string, std::string>& streams) {
    if (!events.is_array()) return;
    for (const nlohmann::json& event : events) {
      const std::string path = event.value("key", "");
      if (event.value("/headers/operation"_json_pointer, "") == "insert") {
        streams[path] = event.value("/value/contentType"_json_pointer, "");
      } else {
        streams.erase(path);
      }
    }
  }

  const StreamOptions& options_;
  std::string root_;
  std::vector<std::pair<std::string, std::string>> common_;
};

}  // namespace

void AddStreamCommands(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<StreamOptions>();
  CLI::App* const stream = app.add_subcommand("stream", "Work with streams over HTTP");
  stream->require_subcommand(1);
  stream
      ->add_option("--server", options->server,
                   "URL of the stream root; also in the environment as DS_SERVER")
      ->envname("DS_SERVER")
      ->capture_default_str();
  stream
      ->add_option("--token", options->token,
                   "bearer token; better in the environment, as DS_TOKEN, than seen by others")
      ->envname("DS_TOKEN");
  stream->add_option("--ca", options->ca_file, "PEM file with the authority of its certificate");
  stream->fallthrough();

  using Action = int (StreamClient::*)() const;
  const auto add = [&](const char* name, const char* help, Action action) {
    CLI::App* const command = stream->add_subcommand(name, help);
    command->callback([&chosen, options, action] {
      chosen = [options, action] { return (StreamClient(*options).*action)(); };
    });
    return command;
  };
  const auto add_path = [&](CLI::App* command) {
    command->add_option("path", options->path, "path of the stream, below the root")->required();
    return command;
  };

  CLI::App* const create = add_path(add("create", "Create a stream", &StreamClient::Create));
  create->add_option("--content-type", options->content_type, "its media type");
  create->add_option("--ttl", options->ttl, "seconds that it lives after its last use");
  create->add_option("--fork-from", options->fork_from, "path of the stream that it forks");
  create->add_flag("--closed", options->close, "create it closed");

  CLI::App* const append = add_path(add(
      "append", "Append standard input, or --data; prints the new offset", &StreamClient::Append));
  append->add_option("--content-type", options->content_type, "by default the stream's");
  append->add_option_function<std::string>(
      "--data",
      [options](const std::string& data) {
        options->data = data;
        options->has_data = true;
      },
      "what to append");
  append->add_flag("--lines", options->lines, "append each line by itself, without its end");
  append->add_flag("--close", options->close, "close the stream behind it");
  append->add_option("--if-match", options->if_match,
                     "append only if the stream's tail is this offset, or its state this entity "
                     "tag, and nobody else appends in between");

  CLI::App* const read =
      add_path(add("read", "Print a stream from an offset on", &StreamClient::Read));
  read->add_option("--offset", options->offset,
                   "where to begin; -1 for the beginning, now for "
                   "the tail")
      ->capture_default_str();
  read->add_flag("-f,--follow", options->follow, "go on with what is appended");

  CLI::App* const tail =
      stream->add_subcommand("tail", "Print what is appended from now on, until it is closed");
  add_path(tail);
  tail->callback([&chosen, options] {
    options->offset = "now";
    options->follow = true;
    chosen = [options] { return StreamClient(*options).Read(); };
  });

  add_path(add("head", "Print what a stream is", &StreamClient::Head));
  add_path(add("delete", "Delete a stream", &StreamClient::Delete));
  add("ls", "List streams, from a server with --registry", &StreamClient::List)
      ->add_option("prefix", options->path, "only those whose path begins so");
}

}  // namespace ds

#include "server/command_line.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "commands/commands.h"

namespace ds {
namespace {

// Declares options of one subcommand that write into one CommandLine.
class Flags {
 public:
  explicit Flags(CLI::App& app) : app_(app) {}

  template <typename T>
  CLI::Option* Value(const std::string& name, T& target, const std::string& help) {
    return app_.add_option("--" + name, target, help)->capture_default_str();
  }

  void Bytes(const std::string& name, uint64_t& target, const std::string& help) {
    Value(name, target, help + "; bytes, or with a unit such as 64MiB")
        ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false).description(""))
        ->type_name("SIZE");
  }

  void Duration(const std::string& name, absl::Duration& target, const std::string& help,
                absl::Duration minimum = absl::Milliseconds(1)) {
    app_.add_option_function<std::string>(
            "--" + name,
            [name, minimum, &target](const std::string& text) {
              absl::Duration value;
              if (!absl::ParseDuration(text, &value) || value < minimum ||
                  value == absl::InfiniteDuration()) {
                throw CLI::ValidationError(
                    "--" + name, "'" + text + "' is no duration of at least " +
                                     absl::FormatDuration(minimum) + "; write 500ms, 30s or 2h");
              }
              target = value;
            },
            help + "; as 500ms, 30s, 2h")
        ->type_name("DURATION")
        ->default_str(absl::FormatDuration(target));
  }

  void Milliseconds(const std::string& name, std::chrono::milliseconds& target,
                    const std::string& help) {
    auto value = std::make_shared<absl::Duration>(absl::FromChrono(target));
    holders_.push_back(value);
    Duration(name, *value, help);
    finish_.push_back([value, &target] { target = absl::ToChronoMilliseconds(*value); });
  }

  // One of these words; the first is the default.
  template <typename T>
  void Choice(const std::string& name, T& target,
              const std::vector<std::pair<std::string, T>>& choices, const std::string& help) {
    std::vector<std::string> words;
    for (const auto& [word, value] : choices) words.push_back(word);
    target = choices.front().second;
    app_.add_option_function<std::string>(
            "--" + name,
            [choices, &target](const std::string& text) {
              for (const auto& [word, value] : choices) {
                if (word == text) target = value;
              }
            },
            help)
        ->check(CLI::IsMember(words))
        ->default_str(words.front());
  }

  void OnOff(const std::string& name, bool& target, const std::string& help) {
    // As a flag it can stand alone, or be given a value: --name, --name=false.
    app_.add_flag("--" + name, target, help + "; " + (target ? "on" : "off") + " by default");
  }

  void Finish() {
    for (const auto& step : finish_) step();
  }

 private:
  CLI::App& app_;
  std::vector<std::shared_ptr<absl::Duration>> holders_;
  std::vector<std::function<void()>> finish_;
};

// Options whose text is taken apart when all of it is known.
struct HttpTexts {
  std::string cursor_epoch = "2024-10-09T00:00:00Z";
  std::string cors_origins = "*";
  std::string cors_headers;
  std::string allowed_hosts;
  std::string admin_hosts;
};

void AddHttpFlags(Flags& flags, ServerOptions& server, HttpTexts& texts) {
  GatewayOptions& gateway = server.gateway;
  flags.Value("stream-root", gateway.stream_root, "URL path below which the streams live");
  flags.Value("public-url", gateway.address.url,
              "what clients put before the stream root, such as https://streams.example, for the "
              "URLs that they are given; by default http and the Host of the request, which with "
              "authentication must be among --allowed-hosts");
  flags.Value("allowed-hosts", texts.allowed_hosts,
              "the only hosts that requests may name, separated by commas: HOST, HOST:PORT or "
              "*.DOMAIN; by default any");
  flags.Duration("long-poll-timeout", gateway.long_poll_timeout,
                 "how long a long-poll waits for data");
  flags.Duration("sse-reconnect-interval", gateway.sse_reconnect_interval,
                 "after this a server-sent events response ends and the client reconnects");
  flags.Duration(
      "sse-keepalive", gateway.sse_keepalive,
      "an idle server-sent events response is sent a comment this often, so that proxies "
      "keep it; 0s for never",
      absl::ZeroDuration());
  flags.Duration("cursor-interval", gateway.cursors.interval,
                 "interval of the cursors that keep CDN caches moving");
  flags.Value("cursor-epoch", texts.cursor_epoch,
              "time from which those intervals count (RFC 3339)");
  flags.Value("cors-origins", texts.cors_origins,
              "origins whose pages may call, separated by commas, as https://app.example; * for "
              "all, none for none");
  flags.Value("cors-headers", texts.cors_headers,
              "the only request headers that such pages may send, separated by commas; by default "
              "any");
  flags.OnOff("cors-credentials", gateway.cors.credentials,
              "let browsers send cookies along from those origins, which must then be named");
  flags.Bytes("max-append-bytes", server.limits.max_body, "largest request body");
  flags.Bytes("max-chunk-bytes", gateway.max_chunk_bytes, "largest response to a read");
  flags.Choice<CacheOptions::Policy>(
      "cache-control", gateway.caching.policy,
      {{"revalidate", CacheOptions::Policy::kRevalidate},
       {"protocol", CacheOptions::Policy::kProtocol}},
      "what caches are told of reads: revalidate = all but what can never change, protocol = as "
      "the protocol recommends (docs/caching.md)");
  flags.Duration("cache-max-age", gateway.caching.max_age,
                 "with revalidate, how long caches may keep what can never change; 0s: not at all",
                 absl::ZeroDuration());
  flags.OnOff("compression", gateway.compression,
              "compress catch-up responses where it pays: zstd, br, gzip");
  flags.Bytes("min-compressed-bytes", gateway.min_compressed_bytes,
              "responses below this are not compressed");
  flags.Value("max-request-line-bytes", server.limits.max_request_line, "longest request line");
  flags.Value("max-header-bytes", server.limits.max_head,
              "largest request head, request line included");
  flags.Value("tls-cert", server.tls_certificate_file,
              "PEM file with the certificate, and those between it and its authority, for HTTPS; "
              "read again when it changes");
  flags.Value("tls-key", server.tls_key_file, "PEM file with the key of that certificate");
  flags.Value("auth-config", server.auth_config_file,
              "file that says who may do what (docs/security.md); read again when it changes; "
              "without it anybody may do anything");
  flags.OnOff("auth-basic-challenge", server.authentication.basic_challenge,
              "offer Basic beside Bearer in 401 answers, so that browsers ask for a key when a "
              "link is opened");
  flags.Value("auth-url", server.external_check.url,
              "URL that is asked whether a request may go on, as by Caddy's forward_auth");
  flags.Duration("auth-url-timeout", server.external_check.timeout, "how long its answer may take");
  flags.Duration("auth-url-cache", server.external_check.cache,
                 "how long its answer holds for the same request", absl::ZeroDuration());
  RateLimits& limits = server.rate_limits;
  flags.Value("limit-requests", limits.requests_per_second,
              "requests per second of one client, by its principal or address; 0 for any number");
  flags.Value("limit-request-burst", limits.request_burst,
              "requests of one client at once; 0 for those of a second");
  flags.Bytes("limit-bytes", limits.bytes_per_second,
              "bytes per second that one client may send and read; 0 for any number");
  flags.Bytes("limit-byte-burst", limits.byte_burst,
              "bytes of one client at once; 0 for those of a second");
  flags.Value("limit-live-readers", limits.live_readers,
              "live reads of one client at the same time; 0 for any number");
  flags.Value("client-address-header", server.client_address_header,
              "header in which a trusted proxy names the client, such as X-Forwarded-For; its "
              "last address counts");
  flags.Bytes("max-memory-bytes", server.max_memory_bytes,
              "resident memory from which on requests are refused; 0 for 85% of the control "
              "group's limit");
  flags.Bytes("max-buffered-bytes", server.bodies.max_bytes,
              "memory for request bodies that are arriving");
  flags.Bytes("max-buffered-bytes-per-client", server.bodies.max_client_bytes,
              "of it for one client, by its address and by its principal; 0 for half, or twice "
              "the largest body if that is more");
  flags.Bytes("min-body-rate", server.min_body_rate,
              "bytes per second that a request body of more than 64 KiB has to come at, counted "
              "over 10 s; 0 for any");
  flags.Duration("request-timeout", gateway.request_timeout,
                 "how long a request may wait for the storage; 0s for any time",
                 absl::ZeroDuration());
  flags.Value("http2-max-streams", server.http2.max_streams,
              "requests at the same time on one HTTP/2 connection");
  flags.Value("max-connections", server.max_connections, "connections at the same time");
  flags.Milliseconds("header-timeout", server.timeouts.head,
                     "from a request's first byte to the end of its headers");
  flags.Milliseconds("body-timeout", server.timeouts.body, "without a byte of a request's body");
  flags.Milliseconds("idle-timeout", server.timeouts.idle, "of a connection between requests");
  flags.Milliseconds("write-timeout", server.timeouts.write,
                     "without the client taking a byte of the response");
  flags.OnOff("access-log", gateway.access_log, "log every request");
  flags.Value("threads", server.threads, "threads for HTTP; 0 for one per core but one");
}

void AddStorageFlags(Flags& flags, ServerOptions& server, bool on_disk, std::string& durability,
                     bool& webhooks_to_localhost, std::string& webhook_hosts) {
  EngineOptions& engine = server.engine;
  if (on_disk) {
    flags.Value("data-dir", engine.database.directory, "directory that holds the data")->required();
    flags
        .Value("durability", durability,
               "what an acknowledged write is: fsync = synced to disk, os = in the page cache")
        ->check(CLI::IsMember({"fsync", "os"}));
    flags.Value("backup-dir", server.backup_directory,
                "directory for the backups that `durable-streams backup` asks for");
    flags.Value("keep-backups", server.backups_kept, "backups that stay there; 0 for all");
    flags.Value("secrets-key-file", engine.secrets_key_file,
                "file with the keys that encrypt the secrets in the data directory, 64 hex digits "
                "a line; the first encrypts, all decrypt (docs/security.md)");
    flags.Value("max-open-files", engine.database.max_open_files,
                "files that the storage keeps open; -1 for all it has");
  }
  flags.Bytes("block-cache-bytes", engine.database.block_cache_bytes,
              "memory for data blocks read from disk");
  flags.Bytes("chunk-cache-bytes", engine.chunk_cache_bytes,
              "memory for pieces of streams that were read");
  flags.Value("max-cached-streams", engine.max_cached_streams,
              "streams whose state stays in memory");
  flags.OnOff("webhook-allow-http-localhost", webhooks_to_localhost,
              "let webhooks go to http://localhost and http://127.x.x.x, for development");
  flags.Value("webhook-allowed-hosts", webhook_hosts,
              "the only hosts that webhooks may go to, separated by commas; *.example.com for all "
              "below one; empty for any that is public");
  flags.Value("limit-streams-per-prefix", engine.committer.writer.limits.streams_per_prefix,
              "streams whose paths have the same first segment; 0 for any number");
  StoreLimits& limits = engine.committer.writer.limits;
  flags.Value("limit-producers-per-stream", limits.producers_per_stream,
              "producers, by their Producer-Id, of one stream; 0 for any number");
  flags.Value("limit-subscriptions", limits.subscriptions, "subscriptions; 0 for any number");
  flags.Value("limit-links-per-subscription", limits.links_per_subscription,
              "streams that one subscription is given by name, or finds by its pattern when it is "
              "made; 0 for any number");
  flags.Value("limit-fork-depth", limits.fork_depth,
              "how deep forks of forks may be; 0 for any depth");
  flags.OnOff("registry", engine.committer.writer.registry,
              "keep the stream __registry__, which lists all others");
}

std::string EnvironmentName(std::string flag) {
  std::string name = "DS_";
  for (const char c : flag) {
    name.push_back(c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  }
  return name;
}

bool Contains(const std::vector<std::string>& arguments, const std::string& flag) {
  return std::any_of(arguments.begin(), arguments.end(), [&](const std::string& argument) {
    return argument == flag || argument.starts_with(flag + "=");
  });
}

// The arguments with what the environment and the config file add to them.
std::vector<std::string> Complete(std::vector<std::string> arguments,
                                  const std::vector<std::string>& flags,
                                  const std::function<const char*(const std::string&)>& environment,
                                  const std::set<std::string>& flags_of_others,
                                  std::vector<std::string>& warnings) {
  for (const std::string& flag : flags) {
    const char* const value = environment(EnvironmentName(flag));
    if (value != nullptr && !Contains(arguments, "--" + flag)) {
      arguments.push_back("--" + flag + "=" + value);
    }
  }
  std::string file;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--config" && i + 1 < arguments.size()) file = arguments[i + 1];
    if (arguments[i].starts_with("--config=")) file = arguments[i].substr(9);
  }
  if (file.empty()) return arguments;
  std::ifstream in(file);
  if (!in) throw CLI::ValidationError("--config", "cannot read " + file);
  for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_config(in)) {
    const std::string name = item.fullname();
    if (std::find(flags.begin(), flags.end(), name) == flags.end() || name == "config") {
      // A file may serve several roles.
      if (!flags_of_others.contains(name))
        warnings.push_back(file + ": unknown key '" + name + "'");
      continue;
    }
    if (Contains(arguments, "--" + name)) continue;
    std::string value;
    for (const std::string& input : item.inputs) value += (value.empty() ? "" : ",") + input;
    arguments.push_back("--" + name + "=" + value);
  }
  return arguments;
}

std::vector<std::string> FlagNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      if (name != "help") names.push_back(name);
    }
  }
  return names;
}

std::vector<std::string> SplitList(const std::string& text) {
  std::vector<std::string> items;
  std::stringstream list(text);
  for (std::string item; std::getline(list, item, ',');) {
    if (!item.empty()) items.push_back(item);
  }
  return items;
}

absl::Status FinishOptions(ServerOptions& server, const std::string& durability,
                           const HttpTexts& texts, const std::string& webhook_hosts) {
  if (server.admin_listen == "none") server.admin_listen.clear();
  server.admin_hosts = SplitList(absl::AsciiStrToLower(texts.admin_hosts));
  server.engine.database.durability = durability == "os" ? Durability::kOs : Durability::kFsync;
  CorsOptions& cors = server.gateway.cors;
  cors.origins = SplitList(texts.cors_origins == "none" ? "" : texts.cors_origins);
  cors.headers = SplitList(texts.cors_headers);
  PublicAddressOptions& address = server.gateway.address;
  address.allowed_hosts = SplitList(texts.allowed_hosts);
  while (address.url.ends_with('/')) address.url.pop_back();
  absl::Status checked = CheckCors(cors);
  if (checked.ok()) checked = CheckPublicAddress(address);
  if (!checked.ok()) return checked;
  server.engine.committer.writer.webhooks.allowed_hosts =
      SplitList(absl::AsciiStrToLower(webhook_hosts));
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, texts.cursor_epoch, &server.gateway.cursors.epoch,
                       &error)) {
    return absl::InvalidArgumentError("--cursor-epoch: " + error);
  }
  std::string& root = server.gateway.stream_root;
  if (!root.starts_with('/')) return absl::InvalidArgumentError("--stream-root must begin with /");
  if (!root.ends_with('/')) root.push_back('/');
  if (server.gateway.max_chunk_bytes == 0) {
    return absl::InvalidArgumentError("--max-chunk-bytes must be at least 1");
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<CommandLine> ParseCommandLine(
    const std::vector<std::string>& arguments,
    const std::function<const char*(const std::string&)>& environment,
    const std::vector<std::string>& environment_names, std::string& text, int& exit_code) {
  CLI::App app("A server for the Durable Streams protocol", "durable-streams");
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  app.footer(
      "Every option can also be given in the environment (DS_DATA_DIR for --data-dir) or in the\n"
      "file that --config names; flags win over the environment, that over the file.");

  CommandLine line;
  std::string durability = "fsync";
  HttpTexts http_texts;
  std::string webhook_hosts;
  bool dev_webhooks_to_localhost = true;
  bool webhooks_to_localhost = false;
  std::string config;
  std::vector<std::pair<CLI::App*, std::unique_ptr<Flags>>> roles;
  // One set of variables serves all roles, of which one runs; only defaults differ.
  std::string dev_listen = "127.0.0.1:4437";
  std::string serve_listen;  // empty: by what else is set
  std::string storage_listen = "0.0.0.0:4438";
  const auto add_role = [&](const std::string& name, const std::string& help, std::string& listen,
                            const std::string& listens_for) -> Flags& {
    CLI::App* const sub = app.add_subcommand(name, help);
    roles.emplace_back(sub, std::make_unique<Flags>(*sub));
    Flags& flags = *roles.back().second;
    const char* const default_text =
        listen.empty() ? "; by default 0.0.0.0:4437 with authentication (--auth-config, "
                         "--auth-url), else 127.0.0.1:4437, which only this machine reaches"
                       : "";
    flags.Value("listen", listen,
                "HOST:PORT for " + listens_for + "; port 0 picks one" + default_text);
    return flags;
  };
  const auto add_grpc_tls = [&](Flags& flags) {
    rpc::TlsFiles& tls = line.server.rpc_tls;
    flags.Value("grpc-tls-cert", tls.certificate_file,
                "PEM file with the certificate of the gRPC listener; read again when it changes");
    flags.Value("grpc-tls-key", tls.key_file, "PEM file with the key of that certificate");
    flags.Value("grpc-client-ca", tls.ca_file,
                "PEM file with the authority of clients' certificates, which are then required "
                "(mTLS)");
    flags.Value("grpc-token-file", line.server.rpc_token_file,
                "file with the tokens, one a line, of which gRPC clients have to bring one; read "
                "again when it changes; without it anybody who reaches the port may call");
  };
  const auto add_common = [&](Flags& flags) {
    flags.Value("admin-listen", line.server.admin_listen,
                "HOST:PORT for /metrics, /healthz and /readyz; port 0 picks one, none for nowhere");
    flags.Value("admin-hosts", http_texts.admin_hosts,
                "names by which clients may ask the admin listener for what changes something, "
                "separated by commas; by its addresses and as localhost they always may");
    flags.Duration("drain-delay", line.server.drain_delay,
                   "how long the server goes on accepting when it stops, saying that it is not "
                   "ready, so that load balancers notice",
                   absl::ZeroDuration());
    flags.Duration("drain-timeout", line.server.drain_timeout,
                   "how long requests under way may take to finish when the server stops",
                   absl::ZeroDuration());
    flags.Value("log-level", line.log.level, "what is logged")
        ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error", "critical", "off"}));
    flags.Value("log-format", line.log.format, "auto: text on a terminal, JSON lines otherwise")
        ->check(CLI::IsMember({"auto", "text", "json"}));
    flags.Value("config", config, "file with further options, as lines such as listen = \"...\"");
  };

  Flags& dev = add_role("dev", "Serve from memory; everything is gone at exit", dev_listen, "HTTP");
  AddStorageFlags(dev, line.server, /*on_disk=*/false, durability, dev_webhooks_to_localhost,
                  webhook_hosts);
  AddHttpFlags(dev, line.server, http_texts);
  add_common(dev);

  Flags& serve =
      add_role("serve", "Serve durably, gateway and storage in one process", serve_listen, "HTTP");
  AddStorageFlags(serve, line.server, /*on_disk=*/true, durability, webhooks_to_localhost,
                  webhook_hosts);
  serve.Value("grpc-listen", line.server.grpc_listen,
              "HOST:PORT where the storage is offered over gRPC as well; empty for nowhere");
  add_grpc_tls(serve);
  AddHttpFlags(serve, line.server, http_texts);
  add_common(serve);

  Flags& storage =
      add_role("storage", "Serve the storage alone, over gRPC", storage_listen, "gRPC");
  AddStorageFlags(storage, line.server, /*on_disk=*/true, durability, webhooks_to_localhost,
                  webhook_hosts);
  storage.Bytes("max-append-bytes", line.server.limits.max_body, "largest body of an append");
  add_grpc_tls(storage);
  add_common(storage);

  Flags& gateway = add_role("gateway", "Serve HTTP in front of a storage", serve_listen, "HTTP");
  gateway.Value("storage", line.server.storage, "HOST:PORT of the storage, or unix:PATH")
      ->required();
  gateway.Value("storage-ca", line.server.rpc_tls.ca_file,
                "PEM file with the authority of the storage's certificate; with it the hop is TLS");
  gateway.Value("storage-tls-cert", line.server.rpc_tls.certificate_file,
                "PEM file with the certificate that this gateway shows the storage (mTLS)");
  gateway.Value("storage-tls-key", line.server.rpc_tls.key_file,
                "PEM file with the key of that certificate");
  gateway.Value("storage-token-file", line.server.rpc_token_file,
                "file whose first line is the token with which to call the storage; read again for "
                "every connection");
  AddHttpFlags(gateway, line.server, http_texts);
  add_common(gateway);

  AddCommands(app, line.command);

  int role = -1;
  try {
    std::vector<std::string> completed = arguments;
    std::set<std::string> known;
    for (const auto& [sub, flags] : roles) {
      for (const std::string& name : FlagNames(*sub)) known.insert(name);
    }
    for (const auto& [sub, flags] : roles) {
      if (arguments.empty() || arguments[0] != sub->get_name()) continue;
      completed = Complete(arguments, FlagNames(*sub), environment, known, line.warnings);
      std::set<std::string> known_names;
      for (const std::string& flag : known) known_names.insert(EnvironmentName(flag));
      for (const std::string& name : environment_names) {
        if (!known_names.contains(name)) {
          line.warnings.push_back("unknown environment variable " + name);
        }
      }
    }
    std::reverse(completed.begin(), completed.end());  // as CLI11 takes them
    app.parse(completed);
    if (line.command) return line;
    for (size_t i = 0; i < roles.size(); ++i) {
      if (roles[i].first->parsed()) role = static_cast<int>(i);
    }
    roles[static_cast<size_t>(role)].second->Finish();
  } catch (const CLI::ParseError& error) {
    std::stringstream out;
    exit_code = app.exit(error, out, out);
    text = out.str();
    return std::nullopt;
  }
  const CLI::App& chosen = *roles[static_cast<size_t>(role)].first;
  const std::string name = chosen.get_name();
  line.server.admin_listen_required = chosen.get_option("--admin-listen")->count() > 0;
  line.server.engine.committer.writer.webhooks.allow_http_localhost =
      name == "dev" ? dev_webhooks_to_localhost : webhooks_to_localhost;
  if (name == "dev") {
    line.server.role = Role::kDev;
    line.server.listen = dev_listen;
  } else if (name == "serve") {
    line.server.role = Role::kServe;
    line.server.listen = serve_listen;
  } else if (name == "storage") {
    line.server.role = Role::kStorage;
    line.server.listen = storage_listen;
  } else {
    line.server.role = Role::kGateway;
    line.server.listen = serve_listen;
  }
  const absl::Status status = FinishOptions(line.server, durability, http_texts, webhook_hosts);
  if (!status.ok()) {
    text = std::string(status.message()) + "\n";
    exit_code = 2;
    return std::nullopt;
  }
  return line;
}

}  // namespace ds

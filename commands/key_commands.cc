#include <cstdio>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "commands/commands.h"
#include "gateway/auth/config.h"
#include "storage/engine/engine.h"
#include "storage/rpc/remote_store.h"

// Keys: of clients (docs/security.md), and those that sign webhooks (docs/subscriptions.md).

namespace ds {
namespace {

// Which storage; one of the two is set.
struct RotateOptions {
  rpc::RemoteStore::Options remote;
  std::string data_dir;  // of a server that does not run
};

absl::StatusOr<std::vector<PublicKey>> RotateSigningKey(const RotateOptions& options) {
  std::unique_ptr<StreamStore> store;
  if (options.data_dir.empty()) {
    auto remote = rpc::RemoteStore::Connect(options.remote);
    if (!remote.ok()) return remote.status();
    store = *std::move(remote);
  } else {
    EngineOptions engine;
    engine.database.directory = options.data_dir;
    absl::StatusOr<std::unique_ptr<Engine>> opened = Engine::Open(engine, Clock::System());
    if (!opened.ok()) return opened.status();
    store = *std::move(opened);
  }
  std::promise<SubscriptionAnswer> answered;
  store->Subscriptions({.operation = SubscriptionCall::RotateSigningKey{}},
                       [&](SubscriptionAnswer answer) { answered.set_value(std::move(answer)); });
  const SubscriptionAnswer answer = answered.get_future().get();
  if (!answer.status.ok()) return answer.status;
  return answer.keys;
}

int Rotate(const RotateOptions& options) {
  const auto keys = RotateSigningKey(options);
  if (!keys.ok()) {
    std::fprintf(stderr, "%s\n", std::string(keys.status().message()).c_str());
    return 1;
  }
  for (size_t i = 0; i < keys->size(); ++i) {
    std::printf("%s %s\n", (*keys)[i].id.c_str(), i == 0 ? "signs" : "published");
  }
  return 0;
}

int PrintNewApiKey() {
  const std::string key = auth::NewApiKey();
  std::printf("key: %s\nsha256: %s\n", key.c_str(),
              absl::BytesToHexString(auth::Sha256(key)).c_str());
  return 0;
}

}  // namespace

void AddKeyCommands(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<RotateOptions>();
  CLI::App* const rotate = app.add_subcommand(
      "rotate-signing-key", "Have webhooks signed with a new key; the old one stays published");
  CLI::Option_group* const where = rotate->add_option_group("where");
  where->add_option("--storage", options->remote.target,
                    "HOST:PORT of a running storage, or unix:PATH");
  where->add_option("--data-dir", options->data_dir, "directory of a server that is stopped")
      ->check(CLI::ExistingDirectory);
  where->require_option(1);
  rpc::TlsFiles& tls = options->remote.tls;
  rotate->add_option("--storage-ca", tls.ca_file,
                     "PEM file with the authority of the storage's certificate");
  rotate->add_option("--storage-tls-cert", tls.certificate_file,
                     "PEM file with the certificate to show the storage (mTLS)");
  rotate->add_option("--storage-tls-key", tls.key_file,
                     "PEM file with the key of that certificate");
  rotate->add_option("--storage-token-file", options->remote.token_file,
                     "file whose first line is the token with which to call the storage");
  rotate->callback([&chosen, options] { chosen = [options] { return Rotate(*options); }; });

  app.add_subcommand("new-api-key",
                     "Make an API key, and the hash under which --auth-config names it")
      ->callback([&chosen] { chosen = PrintNewApiKey; });
}

}  // namespace ds

#include "server/rotate_signing_key.h"

#include <future>
#include <memory>
#include <utility>

#include "storage/engine/engine.h"
#include "storage/rpc/remote_store.h"

namespace ds {

absl::StatusOr<std::vector<std::string>> RotateSigningKey(const RotateOptions& options) {
  std::unique_ptr<StreamStore> store;
  if (options.data_dir.empty()) {
    auto remote = rpc::RemoteStore::Connect({.target = options.storage, .tls = options.tls});
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
  std::vector<std::string> ids;
  for (const PublicKey& key : answer.keys) ids.push_back(key.id);
  return ids;
}

}  // namespace ds

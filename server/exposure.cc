#include "server/exposure.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/private_files.h"

namespace ds {

bool IsLocal(const std::string& address) {
  return address.starts_with("unix:") || address.starts_with("127.") ||
         address.starts_with("localhost:") || address.starts_with("[::1]:");
}

std::string DefaultListen(const ServerOptions& options) {
  return Authenticates(options) ? "0.0.0.0:4437" : "127.0.0.1:4437";
}

std::string WhoMayDoAnything(const ServerOptions& options) {
  const bool local = IsLocal(options.listen);
  if (Authenticates(options) || (options.role == Role::kDev && local)) return {};
  return absl::StrCat(
      "authentication is off: ",
      local ? "every program of this machine that reaches " : "EVERYBODY WHO REACHES ",
      options.listen, " may read, write and delete every stream (--auth-config, ", "--auth-url",
      local ? ")" : ", or a --listen address of this machine only)");
}

std::string WhyExposed(const std::string& flag, const std::string& file) {
  const std::string who = WhoElseReads(file);
  if (who.empty()) return {};
  return absl::StrCat(flag, ": ", file, " can be read ", who,
                      ", and holds secrets: chmod go= ", file);
}

std::vector<std::string> ExposedFiles(const ServerOptions& options) {
  const bool gateway = options.role == Role::kGateway;
  const std::pair<const char*, const std::string*> files[] = {
      {"--tls-key", &options.tls_key_file},
      {"--auth-config", &options.auth_config_file},
      {gateway ? "--storage-tls-key" : "--grpc-tls-key", &options.rpc_tls.key_file},
      {"--secrets-key-file", &options.engine.secrets_key_file},
      {gateway ? "--storage-token-file" : "--grpc-token-file", &options.rpc_token_file},
  };
  std::vector<std::string> exposed;
  for (const auto& [flag, file] : files) {
    std::string why = file->empty() ? std::string() : WhyExposed(flag, *file);
    if (!why.empty()) exposed.push_back(std::move(why));
  }
  return exposed;
}

}  // namespace ds

#ifndef SERVER_OPTIONS_H_
#define SERVER_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gateway/auth/external_check.h"
#include "gateway/handlers/authentication.h"
#include "gateway/handlers/gateway.h"
#include "gateway/http/connection.h"
#include "gateway/limits/rate_limiter.h"
#include "storage/engine/engine.h"
#include "storage/rpc/tls_files.h"

namespace ds {

inline constexpr char kVersion[] = "0.1.0";

enum class Role {
  kDev,      // gateway and storage in memory
  kServe,    // gateway and storage in one process
  kStorage,  // storage alone, over gRPC
  kGateway,  // gateway alone, in front of a storage
};

// Everything that can be set about a server; the defaults are those of the role `serve`.
struct ServerOptions {
  Role role = Role::kServe;
  // Public HTTP; gRPC in the role `storage`, which needs one. Empty: port 4437, of this machine
  // only unless clients are asked who they are.
  std::string listen;
  std::string grpc_listen;  // serve: also offer the storage over gRPC; empty: no
  std::string storage;      // gateway: HOST:PORT of the storage
  // Metrics and health; empty: nowhere. When it is taken and not `admin_listen_required`, as where
  // two servers with the defaults share a machine, another port of that address is picked.
  std::string admin_listen = "127.0.0.1:9464";
  bool admin_listen_required = false;
  // Names, in lower case, by which clients may ask it for what changes something (AdminServer).
  std::vector<std::string> admin_hosts;
  GatewayOptions gateway;
  http::Limits limits;
  http::Timeouts timeouts;
  // PEM files for the public listener; with them it speaks TLS only.
  std::string tls_certificate_file;
  std::string tls_key_file;
  http::Http2Limits http2;
  // For the hop: of the side that this process is on.
  rpc::TlsFiles rpc_tls;
  // storage, serve: the file with the tokens that gRPC clients have to bring; gateway: that with
  // the one to bring. Empty: none.
  std::string rpc_token_file;
  // Who may do what: the file that docs/security.md describes; empty: anybody anything.
  std::string auth_config_file;
  Authentication::Options authentication;
  auth::ExternalCheck::Options external_check;
  RateLimits rate_limits;
  std::string client_address_header;
  uint64_t max_memory_bytes = 0;  // 0: by the control group
  BodyBudget::Options bodies;     // the memory of request bodies that are arriving
  uint64_t min_body_rate = 1024;  // bytes per second of a large one; 0: any
  uint64_t max_connections = 100'000;
  EngineOptions engine;
  // For HTTP; 0: one per core but one, which commits, compactions and the hop have to themselves.
  uint32_t threads = 0;
  // What Stop waits before it stops accepting, not ready meanwhile: the time that a load balancer
  // takes to notice.
  absl::Duration drain_delay = absl::ZeroDuration();
  // Where POST /backup of the admin listener puts backups, and how many stay; empty: nowhere.
  std::string backup_directory;
  uint32_t backups_kept = 0;
  absl::Duration drain_timeout = absl::Seconds(10);
};

}  // namespace ds

#endif  // SERVER_OPTIONS_H_

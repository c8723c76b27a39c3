// The server inside a host process, as programs embed it.

#include "server/server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "gtest/gtest.h"
#include "server/exposure.h"
#include "storage/api/sync_store.h"

namespace ds {
namespace {

ServerOptions Options(Role role) {
  ServerOptions options;
  options.role = role;
  options.listen = "127.0.0.1:0";
  options.threads = 1;
  return options;
}

std::unique_ptr<Server> MustStart(const ServerOptions& options, Server::Hooks hooks = {}) {
  auto server = Server::Start(options, std::move(hooks));
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

// Sends a request to a server's URL; the answer, headers and all.
std::string Http(const Server& server, const std::string& method, const std::string& path,
                 const std::string& headers = {}, const std::string& body = {}) {
  const std::string url = server.url();  // http://127.0.0.1:PORT/v1/stream/
  const size_t colon = url.rfind(':');
  const size_t slash = url.find('/', colon);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(url.substr(colon + 1, slash))));
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string request = method + " " + url.substr(slash) + path +
                              " HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: " +
                              std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body;
  EXPECT_EQ(send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t size; (size = recv(fd, buffer, sizeof buffer, 0)) > 0;) {
    answer.append(buffer, static_cast<size_t>(size));
  }
  close(fd);
  return answer;
}

TEST(Exposure, AnAddressThatOthersReachNeedsAuthentication) {
  ServerOptions options;
  EXPECT_EQ(DefaultListen(options), "127.0.0.1:4437");
  options.auth_config_file = "auth.json";
  EXPECT_EQ(DefaultListen(options), "0.0.0.0:4437");
  options.auth_config_file.clear();
  options.external_check.url = "http://127.0.0.1/";
  EXPECT_EQ(DefaultListen(options), "0.0.0.0:4437");
}

TEST(Exposure, AStartWithoutAuthenticationNamesTheAddress) {
  for (const char* const address : {"0.0.0.0:4437", "[::]:4437", "10.0.0.1:80"}) {
    for (const Role role : {Role::kServe, Role::kGateway, Role::kDev}) {
      ServerOptions options;
      options.role = role;
      options.listen = address;
      EXPECT_NE(WhoMayDoAnything(options).find("EVERYBODY WHO REACHES " + options.listen),
                std::string::npos);
      options.auth_config_file = "auth.json";
      EXPECT_EQ(WhoMayDoAnything(options), "");
    }
  }
  for (const char* const address : {"127.0.0.1:4437", "[::1]:4437", "localhost:1"}) {
    ServerOptions options;
    options.listen = address;
    EXPECT_NE(WhoMayDoAnything(options).find("every program of this machine"), std::string::npos);
    options.role = Role::kDev;
    EXPECT_EQ(WhoMayDoAnything(options), "");
  }
}

TEST(Server, ServesUntilItIsStopped) {
  const auto server = MustStart(Options(Role::kDev));
  EXPECT_TRUE(Http(*server, "PUT", "a", "Content-Type: text/plain\r\n", "hello")
                  .starts_with("HTTP/1.1 201 "));
  EXPECT_TRUE(Http(*server, "GET", "a?offset=-1").ends_with("\r\n\r\nhello"));
  server->Stop();
  server->Stop();
}

TEST(Server, HooksTellOfCreatedAndDeletedStreams) {
  EventQueue<ChangeEvent> created;
  EventQueue<ChangeEvent> deleted;
  const auto server =
      MustStart(Options(Role::kDev), {.stream_created = [&](const auto& e) { created.Push(e); },
                                      .stream_deleted = [&](const auto& e) { deleted.Push(e); }});
  Http(*server, "PUT", "a", "Content-Type: text/plain\r\n");
  const auto made = created.Next();
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->path, "a");
  EXPECT_EQ(made->content_type, "text/plain");
  Http(*server, "POST", "a", "Content-Type: text/plain\r\n", "x");
  Http(*server, "DELETE", "a");
  const auto gone = deleted.Next();
  ASSERT_TRUE(gone.has_value());
  EXPECT_EQ(gone->path, "a");
  EXPECT_EQ(gone->stream_id, made->stream_id);
  EXPECT_FALSE(created.Next(absl::Milliseconds(50)).has_value());
}

TEST(Server, TheHostMayUseTheStoreDirectly) {
  const auto server = MustStart(Options(Role::kDev));
  SyncStore store(server->store());
  ASSERT_TRUE(store.Make("a", "", "from the host").status.ok());
  EXPECT_TRUE(Http(*server, "GET", "a?offset=-1").ends_with("\r\n\r\nfrom the host"));
}

TEST(Server, AGatewayAndAStorageInOneHost) {
  ServerOptions storage_options = Options(Role::kStorage);
  storage_options.engine.database.directory = testing::TempDir() + "/embedded-storage";
  const auto storage = MustStart(storage_options);
  EXPECT_EQ(storage->url(), "");
  ServerOptions gateway_options = Options(Role::kGateway);
  gateway_options.storage = storage->grpc_address();
  const auto gateway = MustStart(gateway_options);
  EXPECT_TRUE(Http(*gateway, "PUT", "a", "Content-Type: text/plain\r\n", "over two processes' code")
                  .starts_with("HTTP/1.1 201 "));
  EXPECT_EQ(SyncStore(storage->store()).All("a"), "over two processes' code");
}

TEST(Server, AnAddressInUseIsAnError) {
  const auto server = MustStart(Options(Role::kDev));
  ServerOptions options = Options(Role::kDev);
  const std::string url = server->url();
  options.listen = url.substr(7, url.find('/', 7) - 7);
  EXPECT_TRUE(absl::IsUnavailable(Server::Start(options, {}).status()));
}

}  // namespace
}  // namespace ds

// The bare control: an epoll loop that does nothing but what the machine makes any server do. It
// answers every POST and PUT with fixed bytes, every GET with a fixed body, and sends each POST's
// body on to all who asked with live=sse. With --sync it writes and syncs every batch of bodies
// that arrived together before it answers; with --threads there are several loops, as in a server,
// among which the kernel deals the connections out. No protocol, no state: the limit to measure
// against.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "CLI/CLI.hpp"

namespace {

constexpr char kHeaders[] =
    "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nX-Content-Type-Options: nosniff\r\n"
    "Stream-Next-Offset: 0000000000000001_0000000000000000\r\nStream-Up-To-Date: true\r\n";

struct Connection {
  int fd = -1;
  std::string in;
  std::string out;
};

class Control {
 public:
  Control(size_t body, std::string file) {
    appended_ = std::string("HTTP/1.1 204 No Content\r\n") + kHeaders + "\r\n";
    read_ = std::string("HTTP/1.1 200 OK\r\n") + kHeaders +
            "Content-Length: " + std::to_string(body) + "\r\n\r\n" + std::string(body, 'r');
    live_ = std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n") + kHeaders + "\r\n";
    if (!file.empty()) file_ = open(file.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
  }

  // Listens on `port`; 0 picks one. Returns the port.
  uint16_t Listen(uint16_t port) {
    epoll_ = epoll_create1(0);
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    listen(listener_, 4096);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    Watch(listener_);
    return ntohs(address.sin_port);
  }

  void Run() {
    std::array<epoll_event, 512> events;
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<size_t>(i)].data.fd;
        fd == listener_ ? Accept() : Receive(fd);
      }
      Commit();
    }
  }

 private:
  void Watch(int fd) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void Accept() {
    int fd;
    while ((fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      connections_[fd].fd = fd;
      Watch(fd);
    }
  }

  void Receive(int fd) {
    Connection& connection = connections_[fd];
    const ssize_t size = recv(fd, scratch_.data(), scratch_.size(), 0);
    if (size <= 0) {
      close(fd);
      std::erase(live_connections_, &connection);
      connections_.erase(fd);
      return;
    }
    connection.in.append(scratch_.data(), static_cast<size_t>(size));
    while (true) {
      const size_t end = connection.in.find("\r\n\r\n");
      if (end == connection.in.npos) break;
      const std::string_view head = std::string_view(connection.in).substr(0, end);
      size_t length = 0;
      const size_t at = head.find("Content-Length: ");
      if (at != head.npos) length = static_cast<size_t>(std::atol(head.data() + at + 16));
      if (connection.in.size() < end + 4 + length) break;
      Handle(connection, head, std::string_view(connection.in).substr(end + 4, length));
      connection.in.erase(0, end + 4 + length);
    }
  }

  void Handle(Connection& connection, std::string_view head, std::string_view body) {
    if (head.starts_with("GET")) {
      const bool live = head.find("live=sse") != head.npos;
      Send(connection, live ? live_ : read_);
      if (live) live_connections_.push_back(&connection);
      return;
    }
    if (head.starts_with("POST")) {
      if (file_ >= 0) pending_bytes_.append(body);
      if (!live_connections_.empty()) Publish(body);
    }
    pending_.push_back(connection.fd);
  }

  void Publish(std::string_view body) {
    std::string frame = "event: data\ndata:";
    frame.append(body).append("\n\nevent: control\ndata:{\"streamNextOffset\":\"");
    frame.append("0000000000000001_0000000000000000\",\"streamCursor\":\"12345678\"}\n\n");
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", frame.size());
    frame = size + frame + "\r\n";
    for (Connection* const reader : live_connections_) Send(*reader, frame);
  }

  // Answers what was received in this turn, after one sync for all of it.
  void Commit() {
    if (file_ >= 0 && !pending_bytes_.empty()) {
      if (write(file_, pending_bytes_.data(), pending_bytes_.size()) < 0) std::exit(1);
      fdatasync(file_);
      pending_bytes_.clear();
    }
    for (const int fd : pending_) {
      const auto it = connections_.find(fd);
      if (it != connections_.end()) Send(it->second, appended_);
    }
    pending_.clear();
  }

  static void Send(Connection& connection, std::string_view bytes) {
    // A peer that does not take it all is waited for: the load generator always reads.
    while (!bytes.empty()) {
      const ssize_t size = send(connection.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size < 0 && errno != EAGAIN) return;
      if (size > 0) bytes.remove_prefix(static_cast<size_t>(size));
    }
  }

  std::string appended_;
  std::string read_;
  std::string live_;
  int file_ = -1;
  int epoll_ = -1;
  int listener_ = -1;
  std::unordered_map<int, Connection> connections_;
  std::vector<Connection*> live_connections_;
  std::vector<int> pending_;
  std::string pending_bytes_;
  std::array<char, 256 << 10> scratch_;
};

}  // namespace

int main(int argc, char** argv) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app("The bare control", "control");
  uint16_t port = 0;
  size_t body = 0;
  size_t threads = 1;
  std::string file;
  app.add_option("--port", port, "on loopback; 0 picks one");
  app.add_option("--body", body, "bytes that a GET is answered with");
  app.add_option("--sync", file, "file to write and sync bodies to before they are answered");
  app.add_option("--threads", threads, "loops, each a thread; live readers see their own loop's");
  CLI11_PARSE(app, argc, argv);
  std::vector<std::unique_ptr<Control>> loops;
  for (size_t i = 0; i < threads; ++i) {
    loops.push_back(std::make_unique<Control>(body, i == 0 ? file : ""));
    port = loops.back()->Listen(port);
  }
  std::printf("control is serving http://127.0.0.1:%d/v1/stream/\n", port);
  std::fflush(stdout);
  for (size_t i = 1; i < threads; ++i) std::thread([&, i] { loops[i]->Run(); }).detach();
  loops[0]->Run();
  return 0;
}

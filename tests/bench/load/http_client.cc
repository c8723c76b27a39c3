#include "tests/bench/load/http_client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace ds::bench {
namespace {

constexpr size_t kScratch = 256 << 10;
constexpr int64_t kMaxWait = 100'000'000;

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "load: %s\n", what.c_str());
  std::exit(1);
}

bool EqualsLower(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() &&
         std::equal(text.begin(), text.end(), lower.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b;
         });
}

std::string_view FindHeader(std::string_view head, std::string_view name) {
  size_t at = head.find("\r\n");
  while (at != head.npos && at + 2 < head.size()) {
    at += 2;
    const size_t end = std::min(head.find("\r\n", at), head.size());
    const std::string_view line = head.substr(at, end - at);
    const size_t colon = line.find(':');
    if (colon != line.npos && EqualsLower(line.substr(0, colon), name)) {
      std::string_view value = line.substr(colon + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      return value;
    }
    at = end;
  }
  return {};
}

}  // namespace

int64_t Now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000ll + time.tv_nsec;
}

Address ParseUrl(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  const size_t colon = url.find(':', kScheme.size());
  const size_t slash = url.find('/', kScheme.size());
  if (!url.starts_with(kScheme) || colon == url.npos || slash == url.npos || colon > slash) {
    Fail("the URL must be http://HOST:PORT/PATH/");
  }
  Address address;
  address.host = url.substr(kScheme.size(), colon - kScheme.size());
  if (address.host == "localhost") address.host = "127.0.0.1";
  address.port = static_cast<uint16_t>(std::atoi(url.c_str() + colon + 1));
  address.path = url.substr(slash);
  return address;
}

std::string_view Answer::Find(std::string_view name) const { return FindHeader(head, name); }

Client::Client(Loop& loop) : loop_(loop) { Connect(); }

Client::~Client() {
  if (fd_ >= 0) close(fd_);
}

void Client::Connect() {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd_ < 0) Fail(std::string("socket: ") + std::strerror(errno));
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(loop_.address().port);
  inet_pton(AF_INET, loop_.address().host.c_str(), &address.sin_addr);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS) {
    Fail(std::string("connect: ") + std::strerror(errno));
  }
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.ptr = this;
  epoll_ctl(loop_.epoll_, EPOLL_CTL_ADD, fd_, &event);
  want_write_ = true;
  connected_ = false;
}

void Client::Send(std::string request) {
  out_ = std::move(request);
  sent_ = 0;
  if (connected_) Flush();
}

void Client::Flush() {
  while (sent_ < out_.size()) {
    const ssize_t size = send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EINTR) continue;
      break;
    }
    sent_ += static_cast<size_t>(size);
  }
  const bool want = sent_ < out_.size();
  if (want == want_write_) return;
  want_write_ = want;
  epoll_event event{};
  event.events = EPOLLIN | (want ? EPOLLOUT : 0u);
  event.data.ptr = this;
  epoll_ctl(loop_.epoll_, EPOLL_CTL_MOD, fd_, &event);
}

void Client::OnEvents(uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    connected_ = true;
    Flush();
  }
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0) return;
  while (true) {
    const ssize_t size = recv(fd_, loop_.scratch_.get(), kScratch, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (size <= 0) {
      ++loop_.lost_;
      close(fd_);
      fd_ = -1;
      return;
    }
    in_.append(loop_.scratch_.get(), static_cast<size_t>(size));
    Parse();
    if (fd_ < 0 || static_cast<size_t>(size) < kScratch) return;
  }
}

bool Client::ParseHead() {
  const size_t end = in_.find("\r\n\r\n");
  if (end == in_.npos) return false;
  head_ = in_.substr(0, end + 2);
  in_.erase(0, end + 4);
  status_ = std::atoi(head_.c_str() + 9);
  chunked_ = !FindHeader(head_, "transfer-encoding").empty();
  const std::string_view length = FindHeader(head_, "content-length");
  body_left_ = 0;
  if (!length.empty()) std::from_chars(length.data(), length.data() + length.size(), body_left_);
  in_body_ = true;
  body_.clear();
  return true;
}

void Client::Unchunk() {
  size_t at = 0;
  while (at < in_.size()) {
    if (body_left_ == 0) {
      const size_t end = in_.find("\r\n", at);
      if (end == in_.npos) break;
      if (end == at) {  // the line end behind a chunk
        at += 2;
        continue;
      }
      std::from_chars(in_.data() + at, in_.data() + end, body_left_, 16);
      at = end + 2;
      if (body_left_ == 0) {  // the last chunk
        in_.erase(0, std::min(at + 2, in_.size()));
        in_body_ = false;
        if (!on_stream && on_answer) on_answer({status_, head_, body_});
        return;
      }
      continue;
    }
    const size_t take = std::min<size_t>(static_cast<size_t>(body_left_), in_.size() - at);
    if (on_stream) {
      on_stream(std::string_view(in_).substr(at, take));
    } else {
      body_.append(in_, at, take);
    }
    at += take;
    body_left_ -= static_cast<int64_t>(take);
  }
  in_.erase(0, at);
}

void Client::Parse() {
  while (!in_.empty()) {
    if (!in_body_) {
      if (!ParseHead()) return;
      if (chunked_ && on_stream && on_answer) on_answer({status_, head_, {}});
    }
    if (chunked_) {
      const size_t before = in_.size();
      Unchunk();
      if (in_.size() == before) return;
      continue;
    }
    if (static_cast<int64_t>(in_.size()) < body_left_) return;
    const auto size = static_cast<size_t>(body_left_);
    in_body_ = false;
    if (on_answer) on_answer({status_, head_, std::string_view(in_).substr(0, size)});
    in_.erase(0, size);
  }
}

Loop::Loop(const Address& address)
    : address_(address), epoll_(epoll_create1(0)), scratch_(new char[kScratch]) {}

Loop::~Loop() { close(epoll_); }

void Loop::Run(int64_t until, const std::function<int64_t(int64_t now)>& tick) {
  std::array<epoll_event, 512> events;
  stopped_ = false;
  int64_t next = tick(Now());
  while (!stopped_) {
    const int64_t now = Now();
    if (now >= until) return;
    const int64_t wait = std::clamp<int64_t>(std::min(next, until) - now, 0, kMaxWait);
    const timespec timeout{0, wait};
    const int count =
        epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    for (int i = 0; i < count; ++i) {
      auto* const client = static_cast<Client*>(events[static_cast<size_t>(i)].data.ptr);
      if (client->fd_ >= 0) client->OnEvents(events[static_cast<size_t>(i)].events);
    }
    next = tick(Now());
  }
}

std::string Request(const Address& address, std::string_view method, std::string_view path,
                    std::string_view headers, std::string_view body) {
  std::string request(method);
  request.append(" ").append(address.path).append(path).append(" HTTP/1.1\r\nHost: bench\r\n");
  request.append(headers);
  if (!body.empty() || method == "POST" || method == "PUT") {
    request.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  }
  return request.append("\r\n").append(body);
}

}  // namespace ds::bench

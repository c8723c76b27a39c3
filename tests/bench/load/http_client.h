#ifndef TESTS_BENCH_LOAD_HTTP_CLIENT_H_
#define TESTS_BENCH_LOAD_HTTP_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ds::bench {

// Nanoseconds of the monotonic clock, which all processes of a machine share.
int64_t Now();

struct Address {
  std::string host;
  uint16_t port = 0;
  std::string path;  // of the URL, with its last slash
};
// Of http://HOST:PORT/PATH/; exits with a message when it is none.
Address ParseUrl(const std::string& url);

// What a response was; the views are valid during the callback only.
struct Answer {
  int status = 0;
  std::string_view head;
  std::string_view body;
  // The value of a header, or empty. `name` in lower case.
  std::string_view Find(std::string_view name) const;
};

class Loop;

// A keep-alive connection that has one request under way at a time, or one endless response.
// Belongs to one Loop.
class Client {
 public:
  // Called with each complete response.
  std::function<void(const Answer&)> on_answer;
  // Called with the bytes of a streamed response's body as they come, chunk framing removed; when
  // set, a chunked response never completes. The head comes first, with an empty body, to
  // on_answer.
  std::function<void(std::string_view)> on_stream;

  explicit Client(Loop& loop);
  ~Client();
  Client(const Client&) = delete;

  void Send(std::string request);

 private:
  friend class Loop;

  void Connect();
  void OnEvents(uint32_t events);
  void Flush();
  void Parse();
  bool ParseHead();
  void Unchunk();

  Loop& loop_;
  int fd_ = -1;
  bool connected_ = false;
  bool want_write_ = false;
  std::string out_;
  size_t sent_ = 0;
  std::string in_;
  std::string head_;
  bool in_body_ = false;
  bool chunked_ = false;
  int64_t body_left_ = 0;  // of the body, or of the chunk
  int status_ = 0;
  std::string body_;  // of a chunked response
};

// An epoll loop of clients against one server. Not thread-safe; one per thread.
class Loop {
 public:
  explicit Loop(const Address& address);
  ~Loop();

  // Runs until `until` (of Now()) or until Stop. `tick` is called after every turn and returns when
  // it wants to be called next.
  void Run(int64_t until, const std::function<int64_t(int64_t now)>& tick);
  void Stop() { stopped_ = true; }

  const Address& address() const { return address_; }
  // Connections that the server ended although nobody asked for it.
  uint64_t lost() const { return lost_; }

 private:
  friend class Client;

  const Address address_;
  int epoll_ = -1;
  bool stopped_ = false;
  uint64_t lost_ = 0;
  std::unique_ptr<char[]> scratch_;
};

// The request line and headers of a request to `address.path + path`.
std::string Request(const Address& address, std::string_view method, std::string_view path,
                    std::string_view headers, std::string_view body);

}  // namespace ds::bench

#endif  // TESTS_BENCH_LOAD_HTTP_CLIENT_H_

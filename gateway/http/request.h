#ifndef GATEWAY_HTTP_REQUEST_H_
#define GATEWAY_HTTP_REQUEST_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ds::http {

bool EqualsIgnoringCase(std::string_view a, std::string_view b);

// A request: its head in one buffer of its own, and its body. What the head says is kept as offsets
// into that buffer, so nothing in here can point at anybody else's memory or at memory that has
// moved. The views that it hands out hold until the next call of SetHead, Append, Join, Clear or
// Release; the exchange makes none of them while a handler runs. One thread at a time.
class Request {
 public:
  struct Header {
    std::string_view name;
    std::string_view value;
  };
  // A part of the head.
  struct Span {
    uint32_t begin = 0;
    uint32_t size = 0;
  };

  Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  std::string_view method() const { return View(method_); }
  // What is asked for: a path with its query, whatever form the request gave it in (RFC 9112
  // section 3.2); "*" of OPTIONS, HOST:PORT of CONNECT.
  std::string_view target() const { return View(target_); }
  // HOST or HOST:PORT that the request is for: of an absolute target, or else of :authority, or
  // else of Host (RFC 9110 section 7.2). It is well-formed, and has no user information. Empty when
  // the request names none, as in HTTP/1.0 and with an empty Host.
  std::string_view authority() const { return View(authority_); }

  size_t header_count() const { return fields_.size(); }
  // REQUIRES: index < header_count().
  Header header(size_t index) const {
    return {View(fields_[index].name), View(fields_[index].value)};
  }
  // The first header of that name, whatever the letter case.
  std::optional<std::string_view> Find(std::string_view name) const;
  size_t Count(std::string_view name) const;
  // The headers of that name as the one list that they are together (RFC 9110 section 5.3), which
  // is put together in `joined` when there are several.
  std::optional<std::string_view> FindList(std::string_view name, std::string& joined) const;

  std::string body;
  int minor_version = 1;  // of HTTP/1; 1 for HTTP/2
  bool secure = false;    // it came over TLS

  // From here on for those who read requests from the wire.

  // Begins a head with a copy of `bytes`, at most 4 GiB. The rest becomes as after Clear.
  void SetHead(std::string_view bytes);
  std::string_view head() const { return head_; }
  // Adds to the head.
  Span Append(std::string_view bytes);
  // Where in the head `view` is; nothing when it is somewhere else.
  std::optional<Span> Locate(std::string_view view) const;
  std::string_view View(Span span) const {
    return std::string_view(head_.data() + span.begin, span.size);
  }
  void set_method(Span method) { method_ = method; }
  void set_target(Span target) { target_ = target; }
  void set_authority(Span authority) { authority_ = authority; }
  void AddHeader(Span name, Span value) { fields_.push_back({name, value}); }

  // Joins the fields of that name to one, in order, with `separator` between their values.
  void Join(std::string_view name, std::string_view separator);

  // Makes it empty, keeping the memory for the next one.
  void Clear();
  // Makes it empty and gives the memory back.
  void Release();

 private:
  struct Field {
    Span name;
    Span value;
  };

  std::string head_;
  Span method_;
  Span target_;
  Span authority_;
  std::vector<Field> fields_;
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_REQUEST_H_

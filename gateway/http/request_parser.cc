#include "gateway/http/request_parser.h"

#include <algorithm>
#include <cstring>

#include "boost/asio/buffer.hpp"
#include "boost/beast/http/basic_parser.hpp"
#include "gateway/http/authority.h"

namespace ds::http {
namespace {

namespace beast = boost::beast;

absl::Status Bad(std::string_view why) { return MakeError(ErrorCode::kBadRequest, why); }

// Puts what Beast finds into a request, as places in the head.
class BeastParser final : public beast::http::basic_parser<true> {
 public:
  BeastParser(Request& request, size_t max_headers)
      : request_(request), max_headers_(max_headers) {}
  bool too_many_headers() const { return too_many_headers_; }

 private:
  using View = beast::string_view;
  using Error = beast::error_code;

  // Where `view` is in the head; an error when Beast made it up.
  Request::Span Locate(View view, Error& error) const {
    const auto span = request_.Locate({view.data(), view.size()});
    if (!span) error = beast::http::make_error_code(beast::http::error::bad_value);
    return span.value_or(Request::Span{});
  }

  void on_request_impl(beast::http::verb, View method, View target, int version,
                       Error& error) override {
    error = {};
    request_.set_method(Locate(method, error));
    request_.set_target(Locate(target, error));
    request_.minor_version = version == 10 ? 0 : 1;
  }
  void on_response_impl(int, View, int, Error&) override {}
  void on_field_impl(beast::http::field, View name, View value, Error& error) override {
    error = {};
    if (request_.header_count() == max_headers_) {
      too_many_headers_ = true;
      error = beast::http::make_error_code(beast::http::error::header_limit);
      return;
    }
    const Request::Span where = Locate(name, error);
    request_.AddHeader(where, Locate(value, error));
  }
  void on_header_impl(Error& error) override { error = {}; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Error& error) override {
    error = {};
  }
  // There is no body in a head.
  std::size_t on_body_impl(View, Error& error) override {
    error = {};
    return 0;
  }
  void on_chunk_header_impl(std::uint64_t, View, Error& error) override { error = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, View, Error& error) override {
    error = {};
    return 0;
  }
  void on_finish_impl(Error& error) override { error = {}; }

  Request& request_;
  const size_t max_headers_;
  bool too_many_headers_ = false;
};

bool IsDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool HasToken(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (EqualsIgnoringCase(item, token)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

// The fields that say how the rest of the request is to be read.
struct FramingFields {
  size_t hosts = 0;
  std::string_view host;
  bool has_length = false;
  bool has_encoding = false;
};

absl::Status TakeField(const Request::Header& header, bool http_1_1, FramingFields& fields,
                       Framing& framing) {
  if (EqualsIgnoringCase(header.name, "host")) {
    ++fields.hosts;
    fields.host = header.value;
  } else if (EqualsIgnoringCase(header.name, "content-length")) {
    if (fields.has_length) return Bad("repeated Content-Length");
    if (!IsDigits(header.value)) return Bad("malformed Content-Length");
    fields.has_length = true;
  } else if (EqualsIgnoringCase(header.name, "transfer-encoding")) {
    if (fields.has_encoding || !EqualsIgnoringCase(header.value, "chunked")) {
      return Bad("the only Transfer-Encoding understood is chunked");
    }
    fields.has_encoding = true;
  } else if (EqualsIgnoringCase(header.name, "expect")) {
    if (!EqualsIgnoringCase(header.value, "100-continue")) {
      return MakeError(ErrorCode::kExpectationFailed);
    }
    framing.expects_continue = http_1_1;
  } else if (EqualsIgnoringCase(header.name, "connection")) {
    if (HasToken(header.value, "close")) framing.keep_alive = false;
  }
  return absl::OkStatus();
}

// "http://host/path" becomes the path and the authority, which counts more than Host's (RFC 9112
// section 3.2.2).
absl::Status TakeAbsoluteTarget(Request& request) {
  const std::string_view target = request.target();
  const size_t colon = target.find("://");
  const std::string_view scheme = target.substr(0, std::min(colon, target.size()));
  if (colon == target.npos ||
      (!EqualsIgnoringCase(scheme, "http") && !EqualsIgnoringCase(scheme, "https"))) {
    return Bad("the target is neither a path nor an http URL");
  }
  const std::string_view rest = target.substr(colon + 3);
  const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  if (!IsValidAuthority(authority)) return Bad("the target's authority is malformed");
  request.set_authority(*request.Locate(authority));
  std::string path(rest.substr(end));
  if (path.starts_with('/')) {
    request.set_target(*request.Locate(rest.substr(end)));
  } else {
    const bool asterisk = path.empty() && request.method() == "OPTIONS";
    request.set_target(request.Append(asterisk ? "*" : path.insert(0, 1, '/')));
  }
  return absl::OkStatus();
}

absl::Status TakeTarget(std::string_view host, Request& request) {
  if (!host.empty()) {
    if (!IsValidAuthority(host)) return Bad("malformed Host");
    request.set_authority(*request.Locate(host));
  }
  const std::string_view target = request.target();
  if (target.starts_with('/')) return absl::OkStatus();
  if (request.method() == "CONNECT") {
    if (!IsValidAuthority(target)) return Bad("the target of CONNECT is malformed");
    request.set_authority(*request.Locate(target));
    return absl::OkStatus();
  }
  if (target == "*" && request.method() == "OPTIONS") return absl::OkStatus();
  return TakeAbsoluteTarget(request);
}

}  // namespace

std::optional<size_t> FindHead(std::string_view bytes, const Limits& limits, size_t& searched,
                               std::optional<ErrorCode>& error) {
  while (true) {
    const void* const found = std::memchr(bytes.data() + searched, '\n', bytes.size() - searched);
    const size_t end =
        found == nullptr ? bytes.size() : static_cast<const char*>(found) - bytes.data();
    const bool first_line = searched == 0;
    if (first_line && end > limits.max_request_line) {
      error = ErrorCode::kUriTooLong;
      return std::nullopt;
    }
    if (end > limits.max_head) {
      error = ErrorCode::kHeadersTooLarge;
      return std::nullopt;
    }
    if (found == nullptr) {
      // A line that is not complete is searched again from its beginning: it is short.
      return std::nullopt;
    }
    const std::string_view line = bytes.substr(searched, end - searched);
    const bool folded = !first_line && !line.empty() && (line[0] == ' ' || line[0] == '\t');
    if (line.empty() || line.back() != '\r' || line.find('\r') != line.size() - 1 || folded) {
      error = ErrorCode::kBadRequest;
      return std::nullopt;
    }
    searched = end + 1;
    if (line.size() == 1) return searched;
  }
}

absl::Status ParseHead(std::string_view head, const Limits& limits, Request& request,
                       Framing& framing) {
  request.SetHead(head);
  BeastParser beast(request, limits.max_headers);
  beast.header_limit(static_cast<std::uint32_t>(limits.max_head + 1));
  beast.body_limit(limits.max_body);
  beast::error_code error;
  beast.put(boost::asio::buffer(request.head().data(), request.head().size()), error);
  if (beast.too_many_headers()) return MakeError(ErrorCode::kHeadersTooLarge, "too many headers");
  if (error == beast::http::error::body_limit) return MakeError(ErrorCode::kPayloadTooLarge);
  if (error && error != beast::http::error::need_more) return Bad(error.message());
  if (!beast.is_header_done()) return Bad("incomplete request head");

  FramingFields fields;
  const bool http_1_1 = request.minor_version == 1;
  for (size_t i = 0; i < request.header_count(); ++i) {
    const absl::Status taken = TakeField(request.header(i), http_1_1, fields, framing);
    if (!taken.ok()) return taken;
  }
  if (fields.hosts > 1 || (http_1_1 && fields.hosts == 0)) {
    return Bad("exactly one Host header is required");
  }
  if (!http_1_1) {
    // HTTP/1.0 clients get their connection closed, whatever they ask for.
    framing.keep_alive = false;
    if (fields.has_encoding) return Bad("Transfer-Encoding in HTTP/1.0");
  }
  if (fields.has_length && fields.has_encoding) {
    return Bad("both Content-Length and Transfer-Encoding");
  }
  framing.chunked = fields.has_encoding;
  if (fields.has_length) {
    const auto length = beast.content_length();
    if (!length) return Bad("malformed Content-Length");
    framing.content_length = *length;
    if (*length > limits.max_body) return MakeError(ErrorCode::kPayloadTooLarge);
  }
  return TakeTarget(fields.host, request);
}

}  // namespace ds::http

#include "gateway/http/request_parser.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/status/statusor.h"
#include "boost/asio/buffer.hpp"
#include "boost/beast/http/basic_parser.hpp"

namespace ds::http {
namespace beast = boost::beast;

// Collects views instead of copying fields.
class RequestParser::BeastParser final : public beast::http::basic_parser<true> {
 public:
  Request* request = nullptr;
  std::string* body = nullptr;
  size_t max_headers = 0;
  bool too_many_headers = false;

 private:
  using View = beast::string_view;
  using Error = beast::error_code;
  static std::string_view Std(View view) { return {view.data(), view.size()}; }

  void on_request_impl(beast::http::verb, View method, View target, int version,
                       Error& error) override {
    error = {};
    request->method = Std(method);
    request->target = Std(target);
    request->minor_version = version == 10 ? 0 : 1;
  }
  void on_response_impl(int, View, int, Error&) override {}
  void on_field_impl(beast::http::field, View name, View value, Error& error) override {
    error = {};
    if (request->headers.size() == max_headers) {
      too_many_headers = true;
      error = beast::http::make_error_code(beast::http::error::header_limit);
      return;
    }
    request->headers.push_back({Std(name), Std(value)});
  }
  void on_header_impl(Error& error) override { error = {}; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Error& error) override {
    error = {};
  }
  std::size_t on_body_impl(View bytes, Error& error) override {
    error = {};
    body->append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t, View, Error& error) override { error = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, View bytes, Error& error) override {
    return on_body_impl(bytes, error);
  }
  void on_finish_impl(Error& error) override { error = {}; }
};

namespace {

absl::Status Bad(std::string_view why) { return MakeError(ErrorCode::kBadRequest, why); }

bool IsDigits(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return true;
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

}  // namespace

RequestParser::RequestParser(const Limits& limits) : limits_(limits) {}
RequestParser::~RequestParser() = default;

std::optional<size_t> RequestParser::FindHead(std::string_view bytes, const Limits& limits,
                                              size_t& searched, std::optional<ErrorCode>& error) {
  while (true) {
    const void* const found = std::memchr(bytes.data() + searched, '\n', bytes.size() - searched);
    const size_t end =
        found == nullptr ? bytes.size() : static_cast<const char*>(found) - bytes.data();
    const bool first_line = bytes.substr(0, searched).find('\n') == std::string_view::npos;
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

absl::Status RequestParser::ParseHeaderLines(BeastParser& beast, Request& request) {
  beast.request = &request;
  beast.max_headers = limits_.max_headers;
  beast.header_limit(static_cast<std::uint32_t>(limits_.max_head + 1));
  beast.body_limit(limits_.max_body);
  request.headers.clear();
  beast::error_code error;
  beast.put(boost::asio::buffer(request.head), error);
  if (beast.too_many_headers) return MakeError(ErrorCode::kHeadersTooLarge, "too many headers");
  if (error == beast::http::error::body_limit) return MakeError(ErrorCode::kPayloadTooLarge);
  if (error && error != beast::http::error::need_more) return Bad(error.message());
  if (!beast.is_header_done()) return Bad("incomplete request head");
  return absl::OkStatus();
}

absl::Status RequestParser::ParseHead(Request& request) {
  BeastParser parser;
  const absl::Status parsed = ParseHeaderLines(parser, request);
  if (!parsed.ok()) return parsed;

  size_t hosts = 0;
  bool has_length = false;
  bool has_encoding = false;
  for (const Request::Header& header : request.headers) {
    if (EqualsIgnoringCase(header.name, "host")) {
      ++hosts;
    } else if (EqualsIgnoringCase(header.name, "content-length")) {
      if (has_length) return Bad("repeated Content-Length");
      if (!IsDigits(header.value)) return Bad("malformed Content-Length");
      has_length = true;
    } else if (EqualsIgnoringCase(header.name, "transfer-encoding")) {
      if (has_encoding || !EqualsIgnoringCase(header.value, "chunked")) {
        return Bad("the only Transfer-Encoding understood is chunked");
      }
      has_encoding = true;
    } else if (EqualsIgnoringCase(header.name, "expect")) {
      if (!EqualsIgnoringCase(header.value, "100-continue")) {
        return MakeError(ErrorCode::kExpectationFailed);
      }
      expects_continue_ = request.minor_version == 1;
    } else if (EqualsIgnoringCase(header.name, "connection")) {
      if (HasToken(header.value, "close")) keep_alive_ = false;
    }
  }
  if (request.minor_version == 0) {
    // HTTP/1.0 clients get their connection closed, whatever they ask for.
    keep_alive_ = false;
    if (has_encoding) return Bad("Transfer-Encoding in HTTP/1.0");
  } else if (hosts != 1) {
    return Bad("exactly one Host header is required");
  }
  if (has_length && has_encoding) return Bad("both Content-Length and Transfer-Encoding");
  chunked_ = has_encoding;
  if (has_length) {
    const auto length = parser.content_length();
    if (!length) return Bad("malformed Content-Length");
    content_length_ = *length;
    if (content_length_ > limits_.max_body) return MakeError(ErrorCode::kPayloadTooLarge);
  }
  if (!chunked_) return absl::OkStatus();
  // Such a body is Beast's to read, which knows it by its head. (Its parsers cannot be moved.)
  beast_ = std::make_unique<BeastParser>();
  return ParseHeaderLines(*beast_, request);
}

absl::StatusOr<size_t> RequestParser::ParseBody(std::string_view bytes, std::string& body) {
  beast_->body = &body;
  beast_->eager(true);
  size_t used = 0;
  while (used < bytes.size() && !beast_->is_done()) {
    beast::error_code error;
    const size_t step =
        beast_->put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), error);
    used += step;
    if (error == beast::http::error::need_more) {
      // Beast waits for more until it sees CRLF; a bare LF is not one and never will be.
      const std::string_view rest = bytes.substr(used);
      for (size_t lf = rest.find('\n'); lf != rest.npos; lf = rest.find('\n', lf + 1)) {
        if (lf == 0 || rest[lf - 1] != '\r') return Bad("bare LF in a chunked body");
      }
      break;
    }
    if (error == beast::http::error::body_limit) return MakeError(ErrorCode::kPayloadTooLarge);
    if (error) return Bad(error.message());
    if (body.size() > limits_.max_body) return MakeError(ErrorCode::kPayloadTooLarge);
    if (step == 0) break;
  }
  done_ = beast_->is_done();
  return used;
}

}  // namespace ds::http

#include "gateway/http/message.h"

#include <charconv>

namespace ds::http {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

std::optional<std::string_view> Request::Find(std::string_view name) const {
  for (const Header& header : headers) {
    if (EqualsIgnoringCase(header.name, name)) return header.value;
  }
  return std::nullopt;
}

size_t Request::Count(std::string_view name) const {
  size_t count = 0;
  for (const Header& header : headers) count += EqualsIgnoringCase(header.name, name);
  return count;
}

void Request::Clear() {
  head.clear();
  method = target = {};
  headers.clear();
  body.clear();
  minor_version = 1;
}

size_t TotalSize(const Pieces& pieces) {
  size_t size = 0;
  for (const Piece& piece : pieces) size += piece.view().size();
  return size;
}

SharedPayload::SharedPayload(std::string_view payload) {
  std::string framed;
  framed.reserve(payload.size() + 20);
  char digits[16];
  framed.append(digits, std::to_chars(digits, digits + sizeof digits, payload.size(), 16).ptr);
  framed.append("\r\n");
  const size_t begin = framed.size();
  framed.append(payload).append("\r\n");
  framed_ = std::make_shared<const std::string>(std::move(framed));
  payload_ = std::string_view(*framed_).substr(begin, payload.size());
}

Response& Response::Add(std::string_view name, std::string_view value) {
  headers.append(name).append(": ").append(value).append("\r\n");
  return *this;
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 417:
      return "Expectation Failed";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";
  }
}

}  // namespace ds::http

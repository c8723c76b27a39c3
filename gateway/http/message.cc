#include "gateway/http/message.h"

#include <charconv>

namespace ds::http {
namespace {

// Whether it holds CR, LF or NUL. Without branches, so that it is done many bytes at a time.
bool BreaksLine(std::string_view value) {
  bool found = false;
  for (const char c : value) found |= (c == '\r') | (c == '\n') | (c == '\0');
  return found;
}

}  // namespace

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
  if (BreaksLine(value)) return *this;
  headers.append(name).append(": ").append(value).append("\r\n");
  return *this;
}

std::string_view StatusText(int status) {
  switch (status) {
    case 100:
      return "100 Continue";
    case 200:
      return "200 OK";
    case 201:
      return "201 Created";
    case 204:
      return "204 No Content";
    case 304:
      return "304 Not Modified";
    case 400:
      return "400 Bad Request";
    case 401:
      return "401 Unauthorized";
    case 403:
      return "403 Forbidden";
    case 404:
      return "404 Not Found";
    case 405:
      return "405 Method Not Allowed";
    case 406:
      return "406 Not Acceptable";
    case 408:
      return "408 Request Timeout";
    case 409:
      return "409 Conflict";
    case 410:
      return "410 Gone";
    case 411:
      return "411 Length Required";
    case 412:
      return "412 Precondition Failed";
    case 413:
      return "413 Content Too Large";
    case 414:
      return "414 URI Too Long";
    case 415:
      return "415 Unsupported Media Type";
    case 417:
      return "417 Expectation Failed";
    case 421:
      return "421 Misdirected Request";
    case 429:
      return "429 Too Many Requests";
    case 431:
      return "431 Request Header Fields Too Large";
    case 501:
      return "501 Not Implemented";
    case 503:
      return "503 Service Unavailable";
    case 505:
      return "505 HTTP Version Not Supported";
    case 507:
      return "507 Insufficient Storage";
    default:
      return "500 Internal Server Error";
  }
}

}  // namespace ds::http

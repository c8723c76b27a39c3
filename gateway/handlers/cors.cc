#include "gateway/handlers/cors.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace ds {
namespace {

constexpr char kMethods[] = "GET, POST, PUT, DELETE, HEAD, OPTIONS";
// What a preflight that names no headers is told, so that a person who asks sees what there is.
constexpr char kOwnRequestHeaders[] =
    "Content-Type, Authorization, If-None-Match, Traceparent, Tracestate, Stream-Seq, Stream-TTL, "
    "Stream-Expires-At, Stream-Closed, Producer-Id, Producer-Epoch, Producer-Seq, "
    "Stream-Forked-From, Stream-Fork-Offset, Stream-Fork-Sub-Offset";
// The table of answers in docs/api.md, without what pages may read anyway; a test compares them.
constexpr char kExposed[] =
    "Stream-Next-Offset, Stream-Up-To-Date, Stream-Closed, Stream-Cursor, Stream-TTL, "
    "Stream-Expires-At, Stream-SSE-Data-Encoding, Producer-Epoch, Producer-Seq, "
    "Producer-Expected-Seq, Producer-Received-Seq, Location, ETag, Vary, "
    "Accept-Encoding, Content-Encoding, "
    "Retry-After, RateLimit-Policy, RateLimit, Allow, WWW-Authenticate, X-Request-Id, "
    "X-Content-Type-Options, Cross-Origin-Resource-Policy, X-Accel-Buffering, "
    "Content-Security-Policy, Referrer-Policy";
constexpr char kMaxAgeSeconds[] = "86400";

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

// The names in a list of headers, without what is none.
std::string OnlyNames(std::string_view list) {
  std::string names;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (IsToken(item)) names.append(names.empty() ? "" : ", ").append(item);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return names;
}

absl::Status CheckOrigin(const std::string& origin) {
  const auto wrong = [&](const char* why) {
    return absl::InvalidArgumentError(absl::StrCat("--cors-origins: '", origin, "' ", why));
  };
  const size_t scheme = origin.find("://");
  if (scheme == 0 || scheme == std::string::npos || scheme + 3 == origin.size() ||
      origin.find_first_of("/?#@* ", scheme + 3) != std::string::npos) {
    return wrong("is no origin: write SCHEME://HOST or SCHEME://HOST:PORT");
  }
  if (absl::AsciiStrToLower(origin) != origin) return wrong("must be in lower case");
  if ((origin.starts_with("https://") && origin.ends_with(":443")) ||
      (origin.starts_with("http://") && origin.ends_with(":80"))) {
    return wrong("must be written without its default port, as browsers do");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckCors(const CorsOptions& options) {
  const std::vector<std::string>& origins = options.origins;
  const bool open = std::find(origins.begin(), origins.end(), "*") != origins.end();
  if (open && origins.size() > 1) {
    return absl::InvalidArgumentError("--cors-origins: * stands alone");
  }
  if (options.credentials && (open || origins.empty())) {
    return absl::InvalidArgumentError(
        "--cors-credentials needs the origins by name in --cors-origins: with * every page of the "
        "web could act with its visitors' cookies");
  }
  for (const std::string& origin : origins) {
    const absl::Status status = open ? absl::OkStatus() : CheckOrigin(origin);
    if (!status.ok()) return status;
  }
  for (const std::string& name : options.headers) {
    if (!IsToken(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--cors-headers: '", name, "' is no header's name"));
    }
  }
  return absl::OkStatus();
}

Cors::Cors(const CorsOptions& options)
    : open_(options.origins == std::vector<std::string>{"*"}),
      listed_(open_ ? std::vector<std::string>() : options.origins),
      credentials_(options.credentials) {
  for (const std::string& name : options.headers) {
    absl::StrAppend(&allowed_headers_, allowed_headers_.empty() ? "" : ", ", name);
  }
  http::Response common;
  if (open_) {
    common.Add("Access-Control-Allow-Origin", "*");
    common.Add("Access-Control-Expose-Headers", kExposed);
  } else if (!listed_.empty()) {
    common.Add("Vary", "Origin");
  }
  common_lines_ = std::move(common.headers);
  http::Response listed;
  listed.Add("Access-Control-Expose-Headers", kExposed);
  if (credentials_) listed.Add("Access-Control-Allow-Credentials", "true");
  listed_lines_ = std::move(listed.headers);
}

bool Cors::Lists(std::string_view origin) const {
  return std::find(listed_.begin(), listed_.end(), origin) != listed_.end();
}

bool Cors::Allows(const http::Request& request) const {
  if (open_) return true;
  const std::optional<std::string_view> origin = request.Find("origin");
  return origin && Lists(*origin);
}

void Cors::AddListed(const http::Request& request, http::Response& response) const {
  const std::optional<std::string_view> origin = request.Find("origin");
  if (!origin || !Lists(*origin)) return;
  response.Add("Access-Control-Allow-Origin", *origin);
  response.headers.append(listed_lines_);
}

void Cors::AddPreflight(const http::Request& request, http::Response& response) const {
  if (!open_ && listed_.empty()) return;
  response.Add("Vary",
               "Access-Control-Request-Method, Access-Control-Request-Headers, "
               "Access-Control-Request-Private-Network");
  if (!Allows(request)) return;
  response.Add("Access-Control-Allow-Methods", kMethods);
  std::string headers = allowed_headers_;
  if (headers.empty()) {
    const std::optional<std::string_view> asked = request.Find("access-control-request-headers");
    headers = asked ? OnlyNames(*asked) : kOwnRequestHeaders;
  }
  if (!headers.empty()) response.Add("Access-Control-Allow-Headers", headers);
  response.Add("Access-Control-Max-Age", kMaxAgeSeconds);
  // A page of the public web that calls into a private network asks so (Private Network Access).
  // Who may call at all may call here.
  if (request.Find("access-control-request-private-network") == "true") {
    response.Add("Access-Control-Allow-Private-Network", "true");
  }
}

}  // namespace ds

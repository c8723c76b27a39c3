#include "gateway/handlers/cross_site.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"

namespace ds {
namespace {

std::vector<std::string> With(std::vector<std::string> origins, std::string one) {
  origins.push_back(std::move(one));
  return origins;
}

// The origin of a URL as browsers write it: without path and default port, in lower case.
std::string OriginOf(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  std::string origin =
      absl::AsciiStrToLower(std::string(url.substr(0, url.find_first_of("/?#", scheme + 3))));
  for (const auto& [begin, end] : {std::pair{"https://", ":443"}, std::pair{"http://", ":80"}}) {
    if (origin.starts_with(begin) && origin.ends_with(end)) {
      origin.resize(origin.size() - std::string_view(end).size());
    }
  }
  return origin;
}

// Whether the origin is that of the request itself, whatever the scheme: a proxy may have ended
// TLS.
bool IsOwn(std::string_view origin, const http::Request& request) {
  const size_t scheme = origin.find("://");
  return scheme != std::string_view::npos && !request.authority().empty() &&
         http::EqualsIgnoringCase(origin.substr(scheme + 3), request.authority());
}

}  // namespace

CrossSiteCheck::CrossSiteCheck(std::vector<std::string> trusted_origins,
                               std::string_view public_url)
    : trusted_(With(std::move(trusted_origins), OriginOf(public_url))) {}

bool CrossSiteCheck::Trusts(std::string_view origin) const {
  return !origin.empty() && std::find(trusted_.begin(), trusted_.end(), origin) != trusted_.end();
}

bool CrossSiteCheck::Passes(const http::Request& request, bool needs_origin) const {
  const std::string_view method = request.method();
  if (method == "GET" || method == "HEAD" || method == "OPTIONS") return true;
  const std::optional<std::string_view> site = request.Find("sec-fetch-site");
  const std::optional<std::string_view> origin = request.Find("origin");
  if (site == "same-origin" || site == "none") return true;
  if (origin && Trusts(*origin)) return true;
  // The browser has said that it is another site; the comparison below knows less.
  if (site) return false;
  if (origin) return IsOwn(*origin, request);
  return !needs_origin;
}

}  // namespace ds

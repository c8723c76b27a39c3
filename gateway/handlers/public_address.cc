#include "gateway/handlers/public_address.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace ds {
namespace {

// HOST and PORT of HOST:PORT; an IPv6 address stands in brackets.
std::pair<std::string_view, std::string_view> Split(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  const size_t bracket = authority.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) {
    return {authority, {}};
  }
  return {authority.substr(0, colon), authority.substr(colon + 1)};
}

bool EndsWithIgnoringCase(std::string_view text, std::string_view end) {
  return text.size() >= end.size() &&
         http::EqualsIgnoringCase(text.substr(text.size() - end.size()), end);
}

}  // namespace

absl::Status CheckPublicAddress(const PublicAddressOptions& options) {
  const std::string& url = options.url;
  if (!url.empty() && !url.starts_with("http://") && !url.starts_with("https://")) {
    return absl::InvalidArgumentError("--public-url must begin with https:// or http://");
  }
  for (const std::string& host : options.allowed_hosts) {
    const std::string_view name = Split(host).first;
    const size_t star = name.rfind('*');
    const bool star_is_label =
        star == std::string_view::npos || (star == 0 && name.starts_with("*."));
    if (name.empty() || !star_is_label || host.find_first_of("/ @?#") != std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--allowed-hosts: '", host, "' is no host: write HOST, HOST:PORT or *.DOMAIN"));
    }
  }
  return absl::OkStatus();
}

bool HostMatches(std::string_view entry, std::string_view authority) {
  const auto [wanted, wanted_port] = Split(entry);
  const auto [host, port] = Split(authority);
  if (!wanted_port.empty() && wanted_port != port) return false;
  if (wanted.starts_with("*.")) {
    return host.size() >= wanted.size() && EndsWithIgnoringCase(host, wanted.substr(1));
  }
  return http::EqualsIgnoringCase(host, wanted);
}

bool PublicAddress::IsAllowed(const http::Request& request) const {
  const std::string_view authority = request.authority();
  return std::any_of(options_.allowed_hosts.begin(), options_.allowed_hosts.end(),
                     [&](const std::string& entry) { return HostMatches(entry, authority); });
}

std::optional<std::string> PublicAddress::OriginUrl(const http::Request& request) const {
  if (is_configured()) return options_.url;
  const std::string_view authority = request.authority();
  if (authority.empty() || (guarded_ && options_.allowed_hosts.empty())) return std::nullopt;
  return (request.secure ? "https://" : "http://") + std::string(authority);
}

}  // namespace ds

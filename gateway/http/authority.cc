#include "gateway/http/authority.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "gateway/http/characters.h"
#include "gateway/http/request.h"

namespace ds::http {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The host, with the brackets of an IP literal, and what follows it.
std::pair<std::string_view, std::string_view> SplitHost(std::string_view text) {
  size_t end = text.find(':');
  if (text.starts_with('[')) {
    end = text.find(']');
    if (end != text.npos) ++end;
  }
  end = std::min(end, text.size());
  return {text.substr(0, end), text.substr(end)};
}

bool IsRegisteredName(std::string_view name) {
  for (size_t i = 0; i < name.size(); ++i) {
    if (IsUriCharacter(name[i])) continue;
    if (name[i] != '%' || i + 2 >= name.size() || HexDigit(name[i + 1]) < 0 ||
        HexDigit(name[i + 2]) < 0) {
      return false;
    }
    i += 2;
  }
  return !name.empty();
}

// What is between the brackets: an IPv6 address, or the form kept for addresses to come.
bool IsIpLiteral(std::string_view text) {
  if (text.starts_with('v') || text.starts_with('V')) {
    const size_t dot = std::min(text.find('.'), text.size());
    const std::string_view version = text.substr(1, dot - 1);
    const std::string_view address = text.substr(std::min(dot + 1, text.size()));
    return !version.empty() &&
           std::all_of(version.begin(), version.end(), [](char c) { return HexDigit(c) >= 0; }) &&
           !address.empty() && std::all_of(address.begin(), address.end(), [](char c) {
             return c == ':' || IsUriCharacter(c);
           });
  }
  char terminated[INET6_ADDRSTRLEN] = {};
  if (text.size() >= sizeof terminated) return false;
  text.copy(terminated, text.size());
  in6_addr address;
  return inet_pton(AF_INET6, terminated, &address) == 1;
}

// What follows the host: nothing, or a colon and perhaps a number.
bool IsPort(std::string_view text) {
  if (text.empty()) return true;
  if (text[0] != ':') return false;
  text.remove_prefix(1);
  if (!std::all_of(text.begin(), text.end(), IsDigit)) return false;
  unsigned port = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
  return text.empty() || (parsed.ec == std::errc() && port <= 65535);
}

// The port as a number, or the default one of the scheme.
unsigned PortOf(std::string_view text, std::string_view scheme) {
  unsigned port = EqualsIgnoringCase(scheme, "https") ? 443 : 80;
  if (text.size() > 1) std::from_chars(text.data() + 1, text.data() + text.size(), port);
  return port;
}

}  // namespace

bool IsValidAuthority(std::string_view text) {
  const auto [host, port] = SplitHost(text);
  if (!IsPort(port)) return false;
  if (!host.starts_with('[')) return IsRegisteredName(host);
  return host.ends_with(']') && IsIpLiteral(host.substr(1, host.size() - 2));
}

bool SameAuthority(std::string_view a, std::string_view b, std::string_view scheme) {
  const auto [host_a, port_a] = SplitHost(a);
  const auto [host_b, port_b] = SplitHost(b);
  return EqualsIgnoringCase(host_a, host_b) && PortOf(port_a, scheme) == PortOf(port_b, scheme);
}

}  // namespace ds::http

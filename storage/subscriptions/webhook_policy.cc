#include "storage/subscriptions/webhook_policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "curl/curl.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

constexpr size_t kMaxUrlBytes = 2048;

struct Block {
  uint32_t network;
  int bits;
};
// IANA's special-purpose IPv4 registry, and multicast. 169.254/16 has the clouds' metadata.
constexpr Block kForbidden4[] = {
    {0x00000000, 8},   // this network
    {0x0a000000, 8},   // RFC 1918
    {0x64400000, 10},  // carrier-grade NAT
    {0x7f000000, 8},   // loopback
    {0xa9fe0000, 16},  // link-local
    {0xac100000, 12},  // RFC 1918
    {0xc0000000, 24},  // protocol assignments
    {0xc0000200, 24},  // documentation
    {0xc0586300, 24},  // 6to4 relays
    {0xc0a80000, 16},  // RFC 1918
    {0xc6120000, 15},  // benchmarking
    {0xc6336400, 24},  // documentation
    {0xcb007100, 24},  // documentation
    {0xe0000000, 3},   // multicast, reserved, broadcast
};

bool Within(uint32_t address, const Block& block) {
  return (address >> (32 - block.bits)) == (block.network >> (32 - block.bits));
}

bool IsLoopback4(uint32_t address) { return address >> 24 == 127; }

bool IsPublic4(uint32_t address) {
  return std::none_of(std::begin(kForbidden4), std::end(kForbidden4),
                      [&](const Block& block) { return Within(address, block); });
}

using Bytes16 = std::array<unsigned char, 16>;

uint32_t Embedded4(const Bytes16& address, size_t at) {
  return uint32_t{address[at]} << 24 | uint32_t{address[at + 1]} << 16 |
         uint32_t{address[at + 2]} << 8 | address[at + 3];
}

bool StartsWith(const Bytes16& address, std::initializer_list<unsigned char> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.begin());
}

// The IPv4 address that an IPv6 one stands for: mapped, compatible, NAT64, 6to4.
std::optional<uint32_t> Inner4(const Bytes16& address) {
  if (StartsWith(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}))
    return Embedded4(address, 12);
  if (StartsWith(address, {0, 0x64, 0xff, 0x9b})) return Embedded4(address, 12);
  if (StartsWith(address, {0x20, 0x02})) return Embedded4(address, 2);
  return std::nullopt;
}

bool IsLoopback6(const Bytes16& address) {
  if (const std::optional<uint32_t> inner = Inner4(address)) return IsLoopback4(*inner);
  Bytes16 loopback{};
  loopback[15] = 1;
  return address == loopback;
}

bool IsPublic6(const Bytes16& address) {
  if (const std::optional<uint32_t> inner = Inner4(address)) return IsPublic4(*inner);
  // What is routed on the internet is 2000::/3, without Teredo, ORCHID and documentation.
  if ((address[0] & 0xe0) != 0x20) return false;
  if (StartsWith(address, {0x20, 0x01, 0x0d, 0xb8})) return false;
  return !(StartsWith(address, {0x20, 0x01}) && address[2] < 2);  // 2001::/23
}

struct Url {
  std::string scheme;
  std::string host;  // in lower case; of IPv6 without brackets
};

std::optional<std::string> Part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK || text == nullptr) return std::nullopt;
  std::string result(text);
  curl_free(text);
  return result;
}

// By the parser that also connects, so that both see the same host.
std::optional<Url> Parse(const std::string& text, std::string& why) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> url(curl_url(), curl_url_cleanup);
  if (text.size() > kMaxUrlBytes ||
      curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
    why = "webhook.url must be a valid URL";
    return std::nullopt;
  }
  if (Part(url.get(), CURLUPART_USER) || Part(url.get(), CURLUPART_PASSWORD)) {
    why = "webhook.url must not have credentials";
    return std::nullopt;
  }
  Url result;
  result.scheme = Part(url.get(), CURLUPART_SCHEME).value_or("");
  result.host = absl::AsciiStrToLower(Part(url.get(), CURLUPART_HOST).value_or(""));
  if (result.host.size() > 2 && result.host.front() == '[') {
    result.host = result.host.substr(1, result.host.size() - 2);
  }
  while (result.host.ends_with('.')) result.host.pop_back();
  if (result.host.empty()) {
    why = "webhook.url must have a host";
    return std::nullopt;
  }
  return result;
}

std::optional<in_addr> Literal4(const std::string& host) {
  in_addr address;
  // Also the forms that a resolver takes, such as 0x7f.1 and 2130706433.
  if (inet_aton(host.c_str(), &address) == 0) return std::nullopt;
  return address;
}

std::optional<Bytes16> Literal6(const std::string& host) {
  Bytes16 address;
  const std::string plain = host.substr(0, host.find('%'));
  if (inet_pton(AF_INET6, plain.c_str(), address.data()) != 1) return std::nullopt;
  return address;
}

bool IsLocalName(const std::string& host) {
  return host == "localhost" || absl::EndsWith(host, ".localhost") ||
         absl::EndsWith(host, ".local") || absl::EndsWith(host, ".internal") ||
         absl::EndsWith(host, ".home.arpa");
}

bool IsDevelopmentHost(const std::string& host) {
  if (host == "localhost") return true;
  if (const auto address = Literal4(host)) return IsLoopback4(ntohl(address->s_addr));
  const auto address = Literal6(host);
  return address && IsLoopback6(*address);
}

bool IsListed(const std::string& host, const std::vector<std::string>& allowed) {
  return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& entry) {
    if (entry.starts_with("*."))
      return host.size() >= entry.size() && host.ends_with(entry.substr(1));
    return host == entry;
  });
}

}  // namespace

absl::Status WebhookPolicy::CheckUrl(const std::string& url) const {
  const auto reject = [](std::string_view why) {
    return MakeError(ErrorCode::kWebhookUrlRejected, why);
  };
  std::string why;
  const std::optional<Url> parsed = Parse(url, why);
  if (!parsed) return reject(why);
  if (!allowed_hosts.empty() && !IsListed(parsed->host, allowed_hosts)) {
    return reject("this server calls other hosts only (--webhook-allowed-hosts)");
  }
  if (parsed->scheme == "http") {
    if (allow_http_localhost && IsDevelopmentHost(parsed->host)) return absl::OkStatus();
    return reject("webhook.url must use https");
  }
  if (parsed->scheme != "https") return reject("webhook.url must use https");
  if (IsLocalName(parsed->host)) return reject("webhook.url must not name a local host");
  if (const auto address = Literal4(parsed->host)) {
    if (!IsPublic4(ntohl(address->s_addr))) return reject("webhook.url must have a public address");
  } else if (const auto address6 = Literal6(parsed->host)) {
    if (!IsPublic6(*address6)) return reject("webhook.url must have a public address");
  }
  return absl::OkStatus();
}

bool WebhookPolicy::MayConnect(const std::string& url, const sockaddr& address) const {
  std::string why;
  const std::optional<Url> parsed = Parse(url, why);
  const bool development =
      allow_http_localhost && parsed && parsed->scheme == "http" && IsDevelopmentHost(parsed->host);
  if (address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof v4);
    const uint32_t host = ntohl(v4.sin_addr.s_addr);
    return development ? IsLoopback4(host) : IsPublic4(host);
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof v6);
    Bytes16 host;
    std::memcpy(host.data(), &v6.sin6_addr, host.size());
    return development ? IsLoopback6(host) : IsPublic6(host);
  }
  return false;
}

}  // namespace ds

#include "gateway/limits/client_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace ds {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Without what may stand around an address: quotes, brackets, a port, a zone.
std::string_view Bare(std::string_view text) {
  text = Trim(text);
  if (text.size() > 1 && text.starts_with('"') && text.ends_with('"')) {
    text = text.substr(1, text.size() - 2);
  }
  if (text.starts_with('[')) {
    text = text.substr(1, std::min(text.find(']'), text.size()) - 1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    text = text.substr(0, text.find(':'));  // IPv4 and a port
  }
  return text.substr(0, text.find('%'));
}

}  // namespace

std::optional<std::string> ClientAddressKey(std::string_view text) {
  const std::string address(Bare(text));
  char spelled[INET6_ADDRSTRLEN];
  in_addr four;
  if (inet_pton(AF_INET, address.c_str(), &four) == 1) {
    return inet_ntop(AF_INET, &four, spelled, sizeof spelled);
  }
  in6_addr six;
  if (inet_pton(AF_INET6, address.c_str(), &six) != 1) return std::nullopt;
  if (IN6_IS_ADDR_V4MAPPED(&six)) {
    std::memcpy(&four, six.s6_addr + 12, sizeof four);
    return inet_ntop(AF_INET, &four, spelled, sizeof spelled);
  }
  std::memset(six.s6_addr + 8, 0, 8);
  return std::string(inet_ntop(AF_INET6, &six, spelled, sizeof spelled)) + "/64";
}

std::string_view LastListItem(std::string_view list) {
  const size_t comma = list.rfind(',');
  return Trim(comma == list.npos ? list : list.substr(comma + 1));
}

}  // namespace ds

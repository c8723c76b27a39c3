#ifndef GATEWAY_LIMITS_CLIENT_ADDRESS_H_
#define GATEWAY_LIMITS_CLIENT_ADDRESS_H_

#include <optional>
#include <string>
#include <string_view>

namespace ds {

// What stands for a client's address where clients are counted, the same for every spelling of it:
// an IPv4 address, also one that is mapped into IPv6 ("::ffff:192.0.2.1"), as four numbers; of an
// IPv6 address its /64, which is one client's as a whole, as "2001:db8:1:2::/64". The text may have
// spaces around it, brackets, a port, and a zone. nullopt for what is no address.
std::optional<std::string> ClientAddressKey(std::string_view text);

// The last item of a header's list, such as X-Forwarded-For's: what the nearest proxy wrote.
std::string_view LastListItem(std::string_view list);

}  // namespace ds

#endif  // GATEWAY_LIMITS_CLIENT_ADDRESS_H_

#ifndef GATEWAY_HANDLERS_OWN_URL_H_
#define GATEWAY_HANDLERS_OWN_URL_H_

#include <optional>
#include <string_view>

namespace ds {

// The names under which a client may know this server.
struct OwnNames {
  std::string_view authority;   // that of the client's request; empty when it has none
  bool secure = false;          // the request came over TLS
  std::string_view public_url;  // --public-url; empty when it is not set
};

// The path, with query and fragment, in `reference`: a path, or a URL of this server's, which is
// one of the request's own authority or below the public URL. Nothing when it is another server's.
// Without TLS of its own the server may stand behind a proxy that speaks it, so either scheme is.
std::optional<std::string_view> OwnPath(std::string_view reference, const OwnNames& names);

}  // namespace ds

#endif  // GATEWAY_HANDLERS_OWN_URL_H_

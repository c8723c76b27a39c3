#ifndef GATEWAY_HANDLERS_CROSS_SITE_H_
#define GATEWAY_HANDLERS_CROSS_SITE_H_

#include <string>
#include <string_view>
#include <vector>

#include "gateway/http/message.h"

namespace ds {

// Tells whether a page of another site may have had a browser make a request with what the browser
// adds by itself: cookies, or HTTP authentication that it remembers. Requests that change nothing
// do not matter: such a page cannot read their answers. Immutable, thread-safe.
class CrossSiteCheck {
 public:
  // Pages of these origins may; `public_url` is this server's own, empty when it is not known.
  CrossSiteCheck(std::vector<std::string> trusted_origins, std::string_view public_url);

  // Where browsers say nothing of who made the request (Origin and Sec-Fetch-Site are not there),
  // the client is no browser of these years; `needs_origin` refuses it all the same.
  bool Passes(const http::Request& request, bool needs_origin) const;

 private:
  bool Trusts(std::string_view origin) const;

  const std::vector<std::string> trusted_;
};

}  // namespace ds

#endif  // GATEWAY_HANDLERS_CROSS_SITE_H_

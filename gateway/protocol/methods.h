#ifndef GATEWAY_PROTOCOL_METHODS_H_
#define GATEWAY_PROTOCOL_METHODS_H_

#include <string_view>

#include "storage/api/stream_path.h"

// The methods of what this server has (RFC 9110 sections 9 and 10.2.1).

namespace ds {

// All that some stream answers; also for what is no resource, such as `*`.
inline constexpr char kAllMethods[] = "GET, HEAD, POST, PUT, DELETE, OPTIONS";

// Where signed URLs are issued.
inline constexpr char kSignUrlPath[] = "__ds/sign-url";

// Whether the method is one that a resource may have: of RFC 9110 but CONNECT, which is for
// proxies, or PATCH. Another gets 501; one of these that a resource does not have gets 405.
bool IsKnownMethod(std::string_view method);

// The value of Allow: the methods of the resource at that stream path.
std::string_view AllowedMethods(const StreamPath& path);

}  // namespace ds

#endif  // GATEWAY_PROTOCOL_METHODS_H_

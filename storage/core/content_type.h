#ifndef STORAGE_CORE_CONTENT_TYPE_H_
#define STORAGE_CORE_CONTENT_TYPE_H_

#include <string_view>

namespace ds {

inline constexpr std::string_view kDefaultContentType = "application/octet-stream";

// Whether `content_type` is a media type (RFC 9110 section 8.3.1: type "/" subtype and parameters)
// without control characters. At most 255 bytes.
bool IsValidContentType(std::string_view content_type);

// Whether two content types name the same media type; parameters and letter case do not count.
bool SameMediaType(std::string_view a, std::string_view b);

// JSON mode (section 9.1).
bool IsJson(std::string_view content_type);

// Whether server-sent events carry the data as it is, and not in base64 (section 5.8).
bool IsText(std::string_view content_type);

}  // namespace ds

#endif  // STORAGE_CORE_CONTENT_TYPE_H_

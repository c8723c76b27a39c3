#ifndef GATEWAY_PROTOCOL_TARGET_H_
#define GATEWAY_PROTOCOL_TARGET_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/api/stream_path.h"

namespace ds {

// A request target, taken apart.
struct Target {
  StreamPath path;  // of the stream: below the root, percent-decoded
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order

  const std::string* Find(std::string_view name) const;
  size_t Count(std::string_view name) const;
};

// Percent-decodes `text`; false when an escape is malformed. `plus_is_space` as in queries.
bool PercentDecode(std::string_view text, bool plus_is_space, std::string& out);

// The stream path in `url_path`, which is a path as in a URL, beginning with `root` (such as
// "/v1/stream/"). Two URLs name the same stream when their decoded paths are equal. Errors:
// kStreamNotFound outside the root; kInvalidPath for malformed escapes and as StreamPath::Parse.
absl::StatusOr<StreamPath> ParseStreamPath(std::string_view url_path, std::string_view root);

// The path as it stands in a URL, with the escapes that it needs (RFC 3986, section 3.3) and no
// others: two URLs of one stream become the same.
std::string EscapePath(std::string_view path);

// Takes apart an origin-form target ("/v1/stream/a?offset=-1") or absolute-form one. Errors: as
// ParseStreamPath, and kInvalidQuery.
absl::Status ParseTarget(std::string_view target, std::string_view root, Target& out);

// The path of a target, without query, scheme or authority.
std::string_view TargetPath(std::string_view target);

// The target without the query's parameters of that name, however it is encoded, and without a
// fragment. REQUIRES: ParseTarget takes it.
std::string WithoutParameter(std::string_view target, std::string_view name);

}  // namespace ds

#endif  // GATEWAY_PROTOCOL_TARGET_H_

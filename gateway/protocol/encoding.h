#ifndef GATEWAY_PROTOCOL_ENCODING_H_
#define GATEWAY_PROTOCOL_ENCODING_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/api/types.h"

// What stands in response bodies.

namespace ds {

// The messages as one JSON array (section 9.1.5); the bytes of each are untouched.
std::string JsonArray(std::string_view data, const std::vector<uint32_t>& message_sizes);

// An RFC 9457 problem details object.
std::string ProblemJson(const absl::Status& error);

}  // namespace ds

#endif  // GATEWAY_PROTOCOL_ENCODING_H_

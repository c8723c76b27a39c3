#ifndef STORAGE_CORE_JSON_MESSAGES_H_
#define STORAGE_CORE_JSON_MESSAGES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace ds {

// Containers may be nested this deep, the batch's own array included; deeper is refused.
inline constexpr int kMaxJsonDepth = 1000;

// Splits a request body into messages (section 9.1): the elements of an array, one level deep, or
// else the one value. Replaces `body` by the messages' own bytes, one after the other without
// separators and exactly as the client wrote them, and sets `sizes` to their lengths; an empty
// array leaves both empty. Accepts all of RFC 8259 and nothing else: numbers of any length,
// lone surrogate escapes and repeated names are valid, a byte order mark is not.
// Errors: kInvalidJson, with the byte position; both outputs are then unspecified.
absl::Status SplitJsonMessages(std::string& body, std::vector<uint32_t>& sizes);

}  // namespace ds

#endif  // STORAGE_CORE_JSON_MESSAGES_H_

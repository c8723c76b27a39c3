#ifndef GATEWAY_PROTOCOL_ETAG_H_
#define GATEWAY_PROTOCOL_ETAG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/api/offset.h"
#include "storage/api/types.h"

// Entity tags (section 10.1): "<stream id>:<start>:<next>" in quotes, with ":c" where the stream is
// closed and `next` its end, and ";<coding>" where the representation is compressed. `start` is -1
// at the stream's beginning.

namespace ds {

// Of what a read gives; `coding` is empty without compression.
std::string Etag(const ReadResult& read, std::string_view coding = {});

// Of the stream as a whole, from its beginning to its tail: what a read from the beginning would
// have if it were not cut into pieces.
std::string Etag(const StreamInfo& info);
std::string Etag(const StreamVersion& version);

// The state that an entity tag of this server names by its end; where it begins and how it is
// compressed does not matter. An offset names the states with that tail. `tag` is without its
// quotes. Nothing for a tag of others.
std::optional<VersionTag> ParseVersionTag(std::string_view tag);

// RFC 9110 section 13.1.2: whether the list `if_none_match` names `etag`, compared weakly.
bool NamesEtag(std::string_view if_none_match, std::string_view etag);

// Where the data of the first of this server's own entity tags in the list ends: its `next`.
std::optional<Offset> EtagNext(std::string_view etags);

}  // namespace ds

#endif  // GATEWAY_PROTOCOL_ETAG_H_

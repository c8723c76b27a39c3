#ifndef STORAGE_ENGINE_METADATA_H_
#define STORAGE_ENGINE_METADATA_H_

#include <string>
#include <string_view>

#include "storage/engine/stream_entry.h"

namespace ds {

// The value in `streams` for an entry, from the commit thread's view of it.
std::string EncodeMetadata(const StreamEntry& entry);

// The entry for a value in `streams`; nullptr when it is damaged. Its tail and Stream-Seq are not
// in there: the last record has them. A stream whose incarnation is below `first_sound_incarnation`
// may have lost its end: its lineage is marked as cut.
EntryPtr DecodeMetadata(std::string path, std::string_view value,
                        uint64_t first_sound_incarnation = 0);

std::string EncodeProducer(const ProducerState& state);
bool DecodeProducer(std::string_view value, ProducerState& state);

}  // namespace ds

#endif  // STORAGE_ENGINE_METADATA_H_

#ifndef STORAGE_ENGINE_REGISTRY_H_
#define STORAGE_ENGINE_REGISTRY_H_

#include <string>

#include "storage/api/types.h"

namespace ds {

// One change of a stream as a State Protocol change event: type `stream`, the path as key; created
// streams are inserts with {path, contentType, createdAt (milliseconds since 1970)}, deleted and
// expired ones deletes, told apart by the header `reason`.
std::string RegistryMessage(const ChangeEvent& event);

}  // namespace ds

#endif  // STORAGE_ENGINE_REGISTRY_H_

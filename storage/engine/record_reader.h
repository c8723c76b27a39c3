#ifndef STORAGE_ENGINE_RECORD_READER_H_
#define STORAGE_ENGINE_RECORD_READER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "storage/api/types.h"
#include "storage/core/lineage.h"
#include "storage/engine/database.h"

namespace ds {

// Reads the bytes of streams out of `records`, along their lineage. Thread-safe; the database must
// outlive it.
class RecordReader {
 public:
  explicit RecordReader(Database& database) : database_(database) {}

  struct Request {
    const Lineage& lineage;
    uint64_t from = 0;
    uint64_t to = 0;  // at most the tail
    uint64_t max_bytes = 0;
    bool json = false;  // whole messages only, at least one
    bool text = false;  // never cut inside a UTF-8 character
  };
  // The bytes from `from` on, cut at `max_bytes`. Errors: kInvalidOffset when `from` or `to` lies
  // inside a JSON message; DataLoss when bytes are missing.
  // `own_records`, if given, is set to how many records of the stream's own it walked over, if any.
  absl::Status Read(const Request& request, Chunk& chunk, size_t* own_records = nullptr) const;

  // Where `sub_offset` bytes (or messages, of a JSON stream) after `anchor` lie, for forks
  // (section 4.2). Errors: kInvalidOffset when that is past the end of the append at `anchor`.
  absl::Status ResolveSubOffset(const Lineage& lineage, uint64_t tail, uint64_t anchor,
                                uint64_t sub_offset, bool json, uint64_t& position) const;

 private:
  Database& database_;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_RECORD_READER_H_

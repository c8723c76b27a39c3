#ifndef STORAGE_ENGINE_RECORD_H_
#define STORAGE_ENGINE_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ds {

// One or several successive appends to a stream, as they stand in the family `records`:
//
//   record     := flags [stream_seq] [messages] [appends] payload
//   flags      := one byte: 1 = stream_seq follows, 2 = messages follow, 4 = appends follow
//   stream_seq := varint size, bytes: the highest Stream-Seq up to and with the last append
//   messages   := varint count, count varint sizes: the JSON messages that the payload consists of
//   appends    := varint count, count varint sizes: the appends that the payload consists of;
//                 absent when it is one
//   payload    := the rest; never empty
//
// varint is little-endian base 128. Carrying the highest Stream-Seq in every record lets the
// stream's state be recovered from its last record alone. The appends' sizes are kept because a
// fork's sub-offset may not lead past the append at its offset (section 4.2).
struct RecordView {
  std::string_view stream_seq;
  std::string_view encoded_messages;  // the sizes, still encoded
  uint32_t message_count = 0;         // 0: not JSON
  std::string_view encoded_appends;
  uint32_t append_count = 1;
  std::string_view payload;
};

// Appends join to records of up to this many bytes; a longer append is a record of its own.
inline constexpr uint64_t kMaxExtentBytes = 64u << 10;

// What stands before the payload. `append_sizes` are those of one append or more.
std::string EncodeRecordHeader(std::string_view stream_seq,
                               const std::vector<uint32_t>& append_sizes,
                               const std::vector<uint32_t>& message_sizes);

// False when `value` is no record; `view` points into `value`.
bool DecodeRecord(std::string_view value, RecordView& view);

// The message sizes of a decoded record; false when they do not add up to the payload.
bool DecodeMessageSizes(const RecordView& view, std::vector<uint32_t>& sizes);

// The sizes of a decoded record's appends, at least one; false when they do not add up.
bool DecodeAppendSizes(const RecordView& view, std::vector<uint32_t>& sizes);

}  // namespace ds

#endif  // STORAGE_ENGINE_RECORD_H_

#ifndef STORAGE_ENGINE_RECORD_H_
#define STORAGE_ENGINE_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ds {

// One append as it stands in the family `records`:
//
//   record  := flags [stream_seq] [messages] payload
//   flags   := one byte: 1 = stream_seq follows, 2 = messages follow
//   stream_seq := varint size, bytes: the highest Stream-Seq up to and with this append
//   messages   := varint count, count varint sizes: the JSON messages that the payload consists of
//   payload := the rest; never empty
//
// varint is little-endian base 128. Carrying the highest Stream-Seq in every record lets the
// stream's state be recovered from its last record alone.
struct RecordView {
  std::string_view stream_seq;
  std::string_view encoded_messages;  // the sizes, still encoded
  uint32_t message_count = 0;         // 0: not JSON
  std::string_view payload;
};

// What stands before the payload.
std::string EncodeRecordHeader(std::string_view stream_seq,
                               const std::vector<uint32_t>& message_sizes);

// False when `value` is no record; `view` points into `value`.
bool DecodeRecord(std::string_view value, RecordView& view);

// The message sizes of a decoded record; false when they do not add up to the payload.
bool DecodeMessageSizes(const RecordView& view, std::vector<uint32_t>& sizes);

}  // namespace ds

#endif  // STORAGE_ENGINE_RECORD_H_

#include "storage/engine/keys.h"

namespace ds {
namespace {

void Write(uint64_t value, char* out) {
  for (int shift = 56; shift >= 0; shift -= 8) *out++ = static_cast<char>(value >> shift);
}

void Append(std::string& out, uint64_t value) {
  char bytes[8];
  Write(value, bytes);
  out.append(bytes, sizeof bytes);
}

}  // namespace

std::string EncodeNumber(uint64_t value) {
  std::string out;
  Append(out, value);
  return out;
}

uint64_t DecodeNumber(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes.substr(0, 8)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string RecordKey(uint64_t stream_id, uint64_t start) {
  std::string key(kRecordKeySize, '\0');
  WriteRecordKey(stream_id, start, key.data());
  return key;
}

void WriteRecordKey(uint64_t stream_id, uint64_t start, char* out) {
  Write(stream_id, out);
  Write(start, out + 8);
}

std::string ProducerKey(uint64_t stream_id, std::string_view producer_id) {
  std::string key;
  key.reserve(8 + producer_id.size());
  Append(key, stream_id);
  key.append(producer_id);
  return key;
}

std::string TimerKey(const Timer& timer) {
  std::string key;
  key.reserve(17);
  if (timer.calendar) key.push_back(kCalendarTimer);
  Append(key, static_cast<uint64_t>(timer.deadline_nanos));
  Append(key, timer.stream_id);
  return key;
}

std::optional<Timer> DecodeTimerKey(std::string_view key) {
  const bool calendar = key.size() == 17 && key[0] == kCalendarTimer;
  if (calendar) key.remove_prefix(1);
  if (key.size() != 16) return std::nullopt;
  return Timer{static_cast<int64_t>(DecodeNumber(key)), DecodeNumber(key.substr(8)), calendar};
}

std::string SubscriptionKey(std::string_view id) {
  return std::string(1, kSubscriptionPrefix).append(id);
}

std::string LinkKeyPrefix(std::string_view id) {
  std::string key(1, kLinkPrefix);
  key.append(id).push_back('\0');
  return key;
}

std::string LinkKey(std::string_view id, std::string_view path) {
  return LinkKeyPrefix(id).append(path);
}

}  // namespace ds

#ifndef STORAGE_ENGINE_KEYS_H_
#define STORAGE_ENGINE_KEYS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Every key of every column family is made here. Numbers are 8 bytes big-endian, so that RocksDB's
// order is the order of streams and positions. docs/storage-format.md specifies them in prose.

namespace ds {

// Retired names stay reserved.
enum class Family { kMeta, kStreams, kRecords, kProducers, kTimers, kSubscriptions, kDeleted };
inline constexpr const char* kFamilyNames[] = {"default", "streams",       "records", "producers",
                                               "timers",  "subscriptions", "deleted"};
inline constexpr size_t kFamilyCount = 7;

// Family `default`, RocksDB's own: facts about the whole directory.
inline constexpr char kFormatVersionKey[] = "format_version";
inline constexpr char kNextStreamIdKey[] = "next_stream_id";
inline constexpr char kFirstSoundKey[] = "first_sound_incarnation";
inline constexpr char kDirectoryMarkKey[] = "directory_mark";
inline constexpr char kLastRunKey[] = "last_run";
inline constexpr char kClockKey[] = "clock";
inline constexpr char kSigningKeysKey[] = "signing_keys";
inline constexpr char kTokenSecretKey[] = "token_secret";

std::string EncodeNumber(uint64_t value);
uint64_t DecodeNumber(std::string_view bytes);  // REQUIRES: 8 bytes

// `records`: stream id, start position.
std::string RecordKey(uint64_t stream_id, uint64_t start);
inline constexpr size_t kRecordKeySize = 16;
// Writes the kRecordKeySize bytes of RecordKey to `out`.
void WriteRecordKey(uint64_t stream_id, uint64_t start, char* out);
inline uint64_t RecordKeyStream(std::string_view key) { return DecodeNumber(key.substr(0, 8)); }
inline uint64_t RecordKeyStart(std::string_view key) { return DecodeNumber(key.substr(8, 8)); }

// `producers`: stream id, producer id.
std::string ProducerKey(uint64_t stream_id, std::string_view producer_id);

// `timers`: deadline in nanoseconds since 1970, stream id; the value is the stream's path. Of
// streams that end at a calendar time, which goes by another clock, with a byte 0xff before.
struct Timer {
  int64_t deadline_nanos = 0;  // at least 1
  uint64_t stream_id = 0;
  bool calendar = false;
};
inline constexpr char kCalendarTimer = '\xff';
std::string TimerKey(const Timer& timer);
std::optional<Timer> DecodeTimerKey(std::string_view key);

// `deleted`: the deletion's number; the value is the stream's id, 8 bytes. See DeletionLog.

// `subscriptions`: `s`, subscription id; and for its links `l`, subscription id, zero, path. (Ids
// have no zeros.)
inline constexpr char kSubscriptionPrefix = 's';
inline constexpr char kLinkPrefix = 'l';
std::string SubscriptionKey(std::string_view id);
std::string LinkKey(std::string_view id, std::string_view path);
// What the keys of all links of a subscription begin with.
std::string LinkKeyPrefix(std::string_view id);
// The path in a key that begins with that prefix.
inline std::string_view LinkKeyPath(std::string_view key, std::string_view prefix) {
  return key.substr(prefix.size());
}

}  // namespace ds

#endif  // STORAGE_ENGINE_KEYS_H_

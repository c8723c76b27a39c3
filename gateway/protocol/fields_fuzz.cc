// Field values: what is taken means what its canonical spelling means. The first byte chooses the
// field.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "gateway/protocol/conditions.h"
#include "gateway/protocol/content_coding.h"
#include "gateway/protocol/etag.h"
#include "gateway/protocol/fields.h"
#include "storage/core/request_checks.h"

namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

void FuzzTimestamp(std::string_view text) {
  const absl::StatusOr<absl::Time> time = ds::ParseTimestamp(text);
  if (!time.ok()) return;
  // As Abseil reads it, which takes more.
  absl::Time expected;
  std::string error;
  Check(absl::ParseTime(absl::RFC3339_full, std::string(text), &expected, &error));
  Check(absl::AbsDuration(expected - *time) < absl::Nanoseconds(1));
}

void FuzzTtl(std::string_view text) {
  const absl::StatusOr<uint64_t> seconds = ds::ParseTtl(text);
  Check(!seconds.ok() || std::to_string(*seconds) == text);
}

void FuzzContentEncoding(std::string_view text) {
  const absl::StatusOr<ds::ContentCoding> coding = ds::ParseContentEncoding(text);
  if (!coding.ok()) return;
  const auto again = ds::ParseContentEncoding("identity, " + std::string(text) + " ,");
  Check(again.ok() && *again == *coding);
}

// Of whatever is in a body: it is decoded within its limit, or refused.
void FuzzBody(std::string_view bytes) {
  constexpr uint64_t kMaxBody = 1 << 20;
  for (const ds::ContentCoding coding : {ds::ContentCoding::kGzip, ds::ContentCoding::kDeflate}) {
    ds::BodyDecoder decoder(coding, bytes, kMaxBody);
    while (!decoder.done()) {
      if (!decoder.Step().ok()) break;
    }
    Check(!decoder.done() || decoder.TakeDecoded().size() <= kMaxBody);
  }
}

std::string Spell(const ds::VersionTag& tag) {
  if (tag.stream_id == 0) return "\"" + tag.tail.ToString() + "\"";
  return ds::Etag(ds::StreamVersion{tag.stream_id, tag.tail, *tag.closed});
}

void FuzzTags(std::string_view list) {
  const auto parsed = ds::ParseWriteCondition(list, list, list);
  if (!parsed.ok()) return;
  const ds::VersionTags& strong = *(*parsed)->match;
  const ds::VersionTags& all = *(*parsed)->none_match;
  Check(strong.any == all.any && strong.tags.size() <= all.tags.size());
  std::string spelled = all.any ? "*" : "";
  for (const ds::VersionTag& tag : all.tags) spelled += Spell(tag) + ",";
  const auto again = ds::ParseWriteCondition(spelled, std::nullopt, std::nullopt);
  Check(again.ok() && *(*again)->match == all);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      FuzzTimestamp(text);
      break;
    case 1:
      FuzzTtl(text);
      break;
    case 2:
      FuzzContentEncoding(text);
      break;
    case 3:
      FuzzTags(text);
      break;
    default:
      FuzzBody(text);
      break;
  }
  return 0;
}

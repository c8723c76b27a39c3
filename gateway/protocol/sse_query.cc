#include "gateway/protocol/sse_query.h"

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "storage/api/errors.h"
#include "storage/core/content_type.h"

namespace ds {
namespace {

// Whether the list `accept` names text/event-stream itself.
bool NamesEventStream(Field accept) {
  if (!accept) return false;
  for (const absl::string_view range :
       absl::StrSplit(absl::string_view(accept->data(), accept->size()), ",")) {
    if (SameMediaType({range.data(), range.size()}, "text/event-stream")) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<SseForm> WantedForm(const Target& target, const ReadQuery& query, Field accept) {
  if (const std::string* const encoding = target.Find("encoding")) {
    if (*encoding == "text") return SseForm::kAny;
    if (*encoding == "base64") return SseForm::kBase64;
    return MakeError(ErrorCode::kInvalidQuery, "encoding must be text or base64");
  }
  const bool bare = query.from == ReadRequest::From::kBeginning && !NamesEventStream(accept);
  return bare ? SseForm::kLineEnds : SseForm::kExact;
}

absl::StatusOr<bool> ApplyLastEventId(Field last_event_id, ReadQuery& query) {
  if (!last_event_id || last_event_id->empty()) return false;
  const std::optional<Offset> offset = Offset::Parse(*last_event_id);
  if (!offset) return MakeError(ErrorCode::kInvalidOffset, "malformed Last-Event-ID");
  query.from = ReadRequest::From::kOffset;
  query.offset = *offset;
  query.offset_text = std::string(*last_event_id);
  return true;
}

SseForm ResponseForm(SseForm wanted, std::string_view content_type, std::string_view data,
                     SseFit worst) {
  if (!IsText(content_type)) return SseForm::kBase64;
  if (IsJson(content_type) || wanted == SseForm::kAny || wanted == SseForm::kBase64) return wanted;
  const bool carried =
      IsUtf8(content_type) && Carries(wanted, worst) && Carries(wanted, FitOf(content_type, data));
  return carried ? wanted : SseForm::kBase64;
}

}  // namespace ds

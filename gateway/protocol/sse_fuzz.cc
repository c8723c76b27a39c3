// Events: whatever bytes a stream has, of whatever content type, cut into whatever commits, a
// reader to the letter of the standard gets the events that were written and nothing else, and out
// of the forms that carry them the bytes.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "gateway/protocol/encoding.h"
#include "gateway/protocol/event_stream_reader.h"
#include "gateway/protocol/sse.h"
#include "gateway/protocol/sse_query.h"
#include "storage/core/content_type.h"

namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

std::string LineEndsAsLf(std::string_view text) {
  return absl::StrReplaceAll({text.data(), text.size()}, {{"\r\n", "\n"}, {"\r", "\n"}});
}

// Takes the first line of `bytes` away.
std::string_view TakeLine(std::string_view& bytes) {
  const std::string_view line = bytes.substr(0, bytes.find('\n'));
  bytes.remove_prefix(std::min(bytes.size(), line.size() + 1));
  return line;
}

// What a reader makes of the data of one event.
void CheckData(ds::SseForm form, std::string_view content_type, std::string_view sent,
               const std::string& got) {
  if (form == ds::SseForm::kBase64) {
    std::string decoded;
    Check(absl::Base64Unescape(got, &decoded) && decoded == sent);
    return;
  }
  if (ds::IsJson(content_type)) return Check(LineEndsAsLf(ds::DecodeUtf8(sent)) == got);
  const ds::SseFit fit = ds::FitOf(content_type, sent);
  Check((got == sent) == (fit == ds::SseFit::kExact));
  if (fit == ds::SseFit::kLineEnds) Check(got == LineEndsAsLf(sent));
}

}  // namespace

// The input: the content type, the sizes of the commits as bytes of a line, the data.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::string_view content_type = TakeLine(rest);
  const std::string_view sizes = TakeLine(rest);
  std::vector<std::string_view> commits;
  for (size_t i = 0; !rest.empty(); ++i) {
    const size_t wanted = i < sizes.size() ? static_cast<uint8_t>(sizes[i]) + 1u : rest.size();
    commits.push_back(rest.substr(0, wanted));
    rest.remove_prefix(commits.back().size());
  }
  (void)ds::IsUtf8(content_type);

  for (const ds::SseForm wanted :
       {ds::SseForm::kExact, ds::SseForm::kLineEnds, ds::SseForm::kAny, ds::SseForm::kBase64}) {
    const ds::SseForm form =
        ds::ResponseForm(wanted, content_type, commits.empty() ? std::string_view() : commits[0],
                         ds::SseFit::kExact);
    std::string stream = ds::SseOpening(form, 1000);
    std::vector<std::string> expected;
    std::vector<std::string> ids;
    uint64_t position = 0;
    for (const std::string_view commit : commits) {
      const bool text = ds::IsText(content_type) && form != ds::SseForm::kBase64;
      if (text && !ds::Carries(form, ds::FitOf(content_type, commit))) break;
      position += commit.size();
      const ds::Offset next{1, position};
      const std::vector<uint32_t> messages{static_cast<uint32_t>(commit.size())};
      ds::AppendSseData(form, content_type, commit, messages, next, stream);
      ds::AppendSseControl({.next = next, .cursor = 1}, /*with_id=*/false, stream);
      expected.push_back(ds::IsJson(content_type) ? ds::JsonArray(commit, messages)
                                                  : std::string(commit));
      ids.push_back(next.ToString());
    }
    // The first commit always fits: the form was made for it.
    Check(expected.empty() == commits.empty());

    const ds::ReadEvents read = ds::ReadEventStream(stream);
    const size_t before = form == ds::SseForm::kBase64 ? 1 : 0;
    Check(read.events.size() == before + 2 * expected.size());
    Check(read.retry_ms == 1000u);
    for (size_t i = 0; i < expected.size(); ++i) {
      const ds::ReadEvent& event = read.events[before + 2 * i];
      Check(event.type == "data" && event.last_event_id == ids[i]);
      CheckData(form, content_type, expected[i], event.data);
      const ds::ReadEvent& control = read.events[before + 2 * i + 1];
      Check(control.type == "control" && control.data.find(ids[i]) != std::string::npos);
    }
  }
  return 0;
}

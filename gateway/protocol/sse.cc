#include "gateway/protocol/sse.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "gateway/protocol/encoding.h"
#include "simdjson.h"
#include "storage/core/content_type.h"

namespace ds {
namespace {

// Of the line ends, the event, its id and some lines.
constexpr size_t kDataEventOverhead = 128;
constexpr size_t kControlBytes = 192;

// Readers drop one space at the beginning of a line. A reader that is less exact drops any other
// white space there, too, and some of the protocol's clients do.
bool NeedsSpace(std::string_view line) {
  return !line.empty() && (line[0] == ' ' || line[0] == '\t' || line[0] == '\v' || line[0] == '\f');
}

void AppendLine(std::string_view line, std::string& out) {
  out.append(NeedsSpace(line) ? "data: " : "data:").append(line).push_back('\n');
}

// Appends `text` as the data lines of an event.
void AppendDataLines(std::string_view text, std::string& out) {
  if (text.find('\r') == text.npos) {
    while (true) {
      const size_t end = text.find('\n');
      AppendLine(text.substr(0, end), out);
      if (end == text.npos) return;
      text.remove_prefix(end + 1);
    }
  }
  while (true) {
    const size_t end = text.find_first_of("\r\n");
    AppendLine(text.substr(0, end), out);
    if (end == text.npos) return;
    const bool crlf = text[end] == '\r' && end + 1 < text.size() && text[end + 1] == '\n';
    text.remove_prefix(end + (crlf ? 2 : 1));
  }
}

void AppendId(const Offset& next, std::string& out) {
  char text[Offset::kTextSize];
  next.WriteTo(text);
  out.append("id: ").append(text, sizeof text).push_back('\n');
}

// The value of the parameter `charset`, without quotes; empty when there is none.
std::string_view CharsetOf(std::string_view content_type) {
  constexpr std::string_view kName = "charset=";
  size_t at = content_type.find(';');
  while (at != content_type.npos) {
    std::string_view parameter = content_type.substr(at + 1);
    at = content_type.find(';', at + 1);
    while (!parameter.empty() && absl::ascii_isspace(static_cast<unsigned char>(parameter[0]))) {
      parameter.remove_prefix(1);
    }
    if (!absl::StartsWithIgnoreCase({parameter.data(), parameter.size()},
                                    {kName.data(), kName.size()})) {
      continue;
    }
    parameter.remove_prefix(kName.size());
    if (parameter.starts_with('"')) parameter.remove_prefix(1);
    return parameter.substr(0, parameter.find_first_of("\"; \t"));
  }
  return {};
}

}  // namespace

bool IsUtf8(std::string_view content_type) {
  const std::string_view charset = CharsetOf(content_type);
  if (charset.empty()) return true;
  for (const char* const name : {"utf-8", "utf8", "us-ascii", "ascii"}) {
    if (absl::EqualsIgnoreCase({charset.data(), charset.size()}, name)) return true;
  }
  return false;
}

SseFit FitOf(std::string_view content_type, std::string_view data) {
  if (IsJson(content_type)) return SseFit::kExact;
  if (!simdjson::validate_utf8(data.data(), data.size())) return SseFit::kDamaged;
  SseFit fit = SseFit::kExact;
  for (size_t at = data.find('\r'); at != data.npos; at = data.find('\r', at + 2)) {
    if (at + 1 == data.size() || data[at + 1] != '\n') return SseFit::kDamaged;
    fit = SseFit::kLineEnds;
  }
  return fit;
}

std::string SseOpening(SseForm form, uint32_t retry_ms) {
  std::string out = "retry: " + std::to_string(retry_ms) + "\n\n";
  if (form == SseForm::kBase64) out += "event: encoding\ndata:base64\n\n";
  return out;
}

void AppendSseData(SseForm form, std::string_view content_type, std::string_view data,
                   const std::vector<uint32_t>& message_sizes, const Offset& next,
                   std::string& out) {
  const bool is_json = IsJson(content_type);
  const bool is_base64 = form == SseForm::kBase64;
  out.reserve(out.size() + (is_base64 ? data.size() / 3 * 4 : data.size()) + message_sizes.size() +
              kDataEventOverhead + kControlBytes);
  out += "event: data\n";
  const std::string array = is_json ? JsonArray(data, message_sizes) : std::string();
  if (is_json) data = array;
  if (is_base64) {
    std::string encoded;
    absl::Base64Escape({data.data(), data.size()}, &encoded);
    out.append("data:").append(encoded).push_back('\n');
  } else {
    AppendDataLines(data, out);
  }
  AppendId(next, out);
  out.push_back('\n');
}

void AppendSseControl(const SseControl& control, bool with_id, std::string& out) {
  char next[Offset::kTextSize];
  control.next.WriteTo(next);
  out.append("event: control\ndata:{\"streamNextOffset\":\"").append(next, sizeof next);
  out.push_back('"');
  if (control.cursor) {
    out.append(",\"streamCursor\":\"").append(std::to_string(*control.cursor)).push_back('"');
  }
  if (control.up_to_date) out += ",\"upToDate\":true";
  if (control.closed) out += ",\"streamClosed\":true";
  out += "}\n";
  if (with_id) AppendId(control.next, out);
  out.push_back('\n');
}

}  // namespace ds

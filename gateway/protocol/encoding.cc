#include "gateway/protocol/encoding.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "nlohmann/json.hpp"
#include "storage/api/errors.h"
#include "storage/core/content_type.h"
#include "zlib.h"

namespace ds {
namespace {

// Appends `text` as the data lines of an event.
void AppendDataLines(std::string& out, std::string_view text) {
  while (true) {
    const size_t end = text.find_first_of("\r\n");
    out.append("data:").append(text.substr(0, end)).push_back('\n');
    if (end == text.npos) return;
    const bool crlf = text[end] == '\r' && end + 1 < text.size() && text[end + 1] == '\n';
    text.remove_prefix(end + (crlf ? 2 : 1));
  }
}

}  // namespace

std::string JsonArray(std::string_view data, const std::vector<uint32_t>& message_sizes) {
  std::string out;
  out.reserve(data.size() + message_sizes.size() + 2);
  out.push_back('[');
  size_t at = 0;
  for (const uint32_t size : message_sizes) {
    if (at > 0) out.push_back(',');
    out.append(data.substr(at, size));
    at += size;
  }
  out.push_back(']');
  return out;
}

std::string SseDataEvent(std::string_view content_type, std::string_view data,
                         const std::vector<uint32_t>& message_sizes) {
  std::string out = "event: data\n";
  if (IsJson(content_type)) {
    AppendDataLines(out, JsonArray(data, message_sizes));
  } else if (IsText(content_type)) {
    AppendDataLines(out, data);
  } else {
    out.append("data:");
    out.append(absl::Base64Escape(absl::string_view(data.data(), data.size())));
    out.push_back('\n');
  }
  out.push_back('\n');
  return out;
}

std::string SseControlEvent(const SseControl& control) {
  std::string out =
      "event: control\ndata:{\"streamNextOffset\":\"" + control.next.ToString() + "\"";
  if (control.cursor) out += ",\"streamCursor\":\"" + std::to_string(*control.cursor) + "\"";
  if (control.up_to_date) out += ",\"upToDate\":true";
  if (control.closed) out += ",\"streamClosed\":true";
  out += "}\n\n";
  return out;
}

std::string Etag(const ReadResult& read, std::string_view encoding) {
  std::string etag = "\"" + std::to_string(read.info.stream_id) + ":" + read.start.ToString() +
                     ":" + read.next.ToString();
  if (read.at_end()) etag += ":c";
  if (!encoding.empty()) etag.append(";").append(encoding);
  return etag + "\"";
}

std::optional<std::string> Gzip(std::string_view body) {
  constexpr int kGzipWindow = 15 + 16;
  constexpr int kFastLevel = 1;
  z_stream stream{};
  if (deflateInit2(&stream, kFastLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return std::nullopt;
  }
  // No more room than pays: a body that does not fit is sent as it is.
  std::string out(body.size() - body.size() / 10, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) return std::nullopt;
  return out;
}

std::string ProblemJson(const absl::Status& error) {
  const ErrorInfo& info = Describe(GetErrorCode(error));
  nlohmann::ordered_json problem;
  problem["type"] = "about:blank";
  problem["title"] = info.title;
  problem["status"] = info.http_status;
  problem["code"] = info.name;
  const std::string detail(error.message().data(), error.message().size());
  if (detail != info.title) problem["detail"] = detail;
  return problem.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace ds

#include "gateway/protocol/encoding.h"

#include <utility>

#include "nlohmann/json.hpp"
#include "storage/api/errors.h"
#include "zlib.h"

namespace ds {
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

#include "gateway/protocol/encoding.h"

#include <utility>

#include "nlohmann/json.hpp"
#include "storage/api/errors.h"

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

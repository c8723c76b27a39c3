#include "storage/engine/registry.h"

#include "nlohmann/json.hpp"

namespace ds {

std::string RegistryMessage(const ChangeEvent& event) {
  nlohmann::ordered_json message;
  message["type"] = "stream";
  message["key"] = event.path;
  nlohmann::ordered_json headers;
  if (event.kind == ChangeEvent::Kind::kCreated) {
    message["value"] = {{"path", event.path},
                        {"contentType", event.content_type},
                        {"createdAt", absl::ToUnixMillis(event.time)}};
    headers["operation"] = "insert";
  } else {
    headers["operation"] = "delete";
    headers["reason"] = event.kind == ChangeEvent::Kind::kExpired ? "expired" : "deleted";
  }
  headers["timestamp"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", event.time, absl::UTCTimeZone());
  message["headers"] = std::move(headers);
  return message.dump();
}

}  // namespace ds

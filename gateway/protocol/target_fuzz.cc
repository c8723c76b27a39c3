// Request targets: whatever a client sends, a target that is taken names a valid stream path, and
// escaping that path names the same stream again.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gateway/protocol/target.h"

namespace {

constexpr std::string_view kRoot = "/v1/stream/";

std::string EscapeAll(const std::string& path) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string escaped(kRoot);
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    escaped += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return escaped;
}

void Check(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const std::string& target : {std::string(bytes), std::string(kRoot) + std::string(bytes)}) {
    ds::Target out;
    if (!ds::ParseTarget(target, kRoot, out).ok()) continue;
    Check(!out.path.empty() && out.path.text().size() <= ds::StreamPath::kMaxBytes);
    ds::Target again;
    Check(ds::ParseTarget(EscapeAll(out.path.text()), kRoot, again).ok());
    Check(again.path == out.path);
  }
  return 0;
}

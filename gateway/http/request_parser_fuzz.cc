// What an HTTP/1.x client sends: the same requests and the same error come of it however it is cut,
// and what a request says is within its own head and is what HTTP allows.
//
// The first four bytes of an input seed the cuts; the rest is what the client sends.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/http/authority.h"
#include "gateway/http/characters.h"
#include "gateway/http/request_reader.h"

namespace {

using ds::http::Request;
using ds::http::RequestReader;

// Small, so that inputs reach them.
constexpr ds::http::Limits kLimits{
    .max_request_line = 200, .max_head = 500, .max_headers = 6, .max_body = 300};

struct Outcome {
  std::vector<std::string> requests;
  std::optional<ds::ErrorCode> error;

  bool operator==(const Outcome&) const = default;
};

void Check(bool condition) {
  if (!condition) std::abort();
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), ds::http::IsTokenCharacter);
}

// All that the request says; the views are read only after others were taken.
std::string CheckRequest(const Request& request) {
  std::vector<std::string_view> said = {request.method(), request.target(), request.authority()};
  Check(IsToken(said[0]));
  Check(said[1].starts_with('/') || said[0] == "CONNECT" ||
        (said[1] == "*" && said[0] == "OPTIONS"));
  Check(said[2].empty() || ds::http::IsValidAuthority(said[2]));
  Check(request.header_count() <= kLimits.max_headers);
  Check(request.Count("host") == 1 || (request.minor_version == 0 && request.Count("host") == 0));
  Check(request.Count("content-length") + request.Count("transfer-encoding") <= 1);
  for (size_t i = 0; i < request.header_count(); ++i) {
    const Request::Header header = request.header(i);
    Check(IsToken(header.name));
    Check(std::all_of(header.value.begin(), header.value.end(), ds::http::IsFieldCharacter));
    Check(request.Find(header.name).has_value());
    said.push_back(header.name);
    said.push_back(header.value);
  }
  Check(request.body.size() <= kLimits.max_body);
  std::string text;
  for (const std::string_view part : said) {
    Check(request.Locate(part).has_value());
    text.append(part).append("\n");
  }
  return text + request.body;
}

// `next_size` gives the sizes of the pieces.
template <typename NextSize>
Outcome Read(std::string_view bytes, NextSize next_size) {
  Outcome outcome;
  RequestReader reader(kLimits);
  Request request;
  while (!bytes.empty()) {
    const size_t size = std::min<size_t>(next_size(), bytes.size());
    // A buffer of its own, so that ASan sees a view that is kept of it.
    reader.Add(std::string(bytes.substr(0, size)));
    bytes.remove_prefix(size);
    while (true) {
      const absl::StatusOr<bool> advanced = reader.Advance(request);
      if (!advanced.ok()) {
        outcome.error = ds::GetErrorCode(advanced.status());
        return outcome;
      }
      if (!*advanced) break;
      if (reader.stage() != RequestReader::Stage::kComplete) continue;
      outcome.requests.push_back(CheckRequest(request));
      request.Clear();
      reader.Next();
    }
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  std::minstd_rand random(static_cast<uint32_t>(data[0]) << 24 |
                          static_cast<uint32_t>(data[1]) << 16 |
                          static_cast<uint32_t>(data[2]) << 8 | data[3]);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 4, size - 4);
  const Outcome whole = Read(bytes, [&] { return bytes.size(); });
  Check(Read(bytes, [] { return 1; }) == whole);
  Check(Read(bytes, [&] { return 1 + random() % 50; }) == whole);
  return 0;
}

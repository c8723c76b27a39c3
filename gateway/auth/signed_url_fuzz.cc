// Signed URLs: whatever the query is, what is taken of it is signed by a text that tells each part
// from the others, and comes out of a URL made for the same grant as it went in.
//
// An input is a target below the stream root, as "chat/1?ds-key=a&...".

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "gateway/auth/signed_url.h"
#include "gateway/protocol/target.h"

namespace {

constexpr std::string_view kRoot = "/v1/stream/";
constexpr std::string_view kSecret = "a-secret-of-the-fuzzer-with-32-bytes";

void Check(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string target =
      std::string(kRoot) + std::string(reinterpret_cast<const char*>(data), size);
  ds::Target asked;
  if (!ds::ParseTarget(target, kRoot, asked).ok()) return 0;
  const bool is_signed = ds::auth::IsSigned(asked.query);
  const std::string unsigned_target = ds::WithoutParameter(target, ds::auth::kSignatureParameter);
  ds::Target rest;
  Check(ds::ParseTarget(unsigned_target, kRoot, rest).ok());
  Check(!ds::auth::IsSigned(rest.query));
  Check(rest.query.size() ==
        asked.query.size() - asked.Count(std::string(ds::auth::kSignatureParameter)));

  const auto url = ds::auth::ParseSignedUrl(asked.query, asked.path);
  if (!url.ok()) return 0;
  Check(is_signed);
  Check(ds::auth::UrlPermissions(url->grant.operations) != 0);
  // Seven lines: no value reaches into the next one.
  const std::string text = ds::auth::StringToSign(url->grant);
  Check(std::count(text.begin(), text.end(), '\n') == 6);
  Check(ds::auth::IsGoodSignature(url->grant, kSecret, url->signature) ==
        (url->signature == ds::auth::SignGrant(url->grant, kSecret)));

  const std::string made = absl::StrCat("/v1/stream/", ds::EscapePath(asked.path.text()), "?",
                                        ds::auth::SignedQuery(url->grant, kSecret));
  ds::Target again;
  Check(ds::ParseTarget(made, kRoot, again).ok());
  const auto read = ds::auth::ParseSignedUrl(again.query, again.path);
  Check(read.ok() && ds::auth::StringToSign(read->grant) == text);
  Check(ds::auth::IsGoodSignature(read->grant, kSecret, read->signature));
  return 0;
}

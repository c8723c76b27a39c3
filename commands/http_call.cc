#include "commands/http_call.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "curl/curl.h"

namespace ds {
namespace {

struct Receiver {
  const HttpCall& call;
  HttpCall::Answer& answer;
  CURL* easy;

  static size_t Body(char* data, size_t, size_t size, void* self) {
    auto& receiver = *static_cast<Receiver*>(self);
    long status = 0;
    curl_easy_getinfo(receiver.easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200 && receiver.call.sink) {
      return receiver.call.sink({data, size}) ? size : 0;
    }
    receiver.answer.body.append(data, size);
    return size;
  }

  static size_t Header(char* data, size_t, size_t size, void* self) {
    auto& receiver = *static_cast<Receiver*>(self);
    const absl::string_view line(data, size);
    // Those before are of an interim answer.
    if (line.size() > 5 && line.substr(0, 5) == "HTTP/") receiver.answer.headers.clear();
    const size_t colon = line.find(':');
    if (colon != absl::string_view::npos) {
      receiver.answer.headers.emplace_back(
          absl::AsciiStrToLower(line.substr(0, colon)),
          std::string(absl::StripAsciiWhitespace(line.substr(colon + 1))));
    }
    return size;
  }
};

}  // namespace

std::string HttpCall::Answer::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

HttpCall::Answer HttpCall::Run() const {
  Answer answer;
  CURL* const easy = curl_easy_init();
  Receiver receiver{*this, answer, easy};
  curl_slist* lines = nullptr;
  for (const auto& [name, value] : headers) {
    lines = curl_slist_append(lines, absl::StrCat(name, ": ", value).c_str());
  }
  lines = curl_slist_append(lines, "User-Agent: durable-streams");
  lines = curl_slist_append(lines, "Expect:");
  // libcurl adds one of its own where there is a body.
  lines = curl_slist_append(lines, "Accept: */*");
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 5'000L);
  if (!ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file.c_str());
  if (method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (method == "POST" || method == "PUT") {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Receiver::Body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &receiver);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Receiver::Header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &receiver);
  const CURLcode code = curl_easy_perform(easy);
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_OK) {
    answer.status = static_cast<int>(status);
  } else {
    answer.failure = curl_easy_strerror(code);
  }
  curl_slist_free_all(lines);
  curl_easy_cleanup(easy);
  return answer;
}

}  // namespace ds

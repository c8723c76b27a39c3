#include "gateway/auth/external_check.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/auth/config.h"
#include "storage/api/errors.h"

namespace ds::auth {
namespace {

constexpr size_t kMaxCached = 10'000;

std::string Header(const HttpClient::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace

ExternalCheck::Answer ExternalCheck::Judge(const HttpClient::Response& response, bool is_pattern) {
  Answer answer;
  const bool allowed = response.status >= 200 && response.status < 300;
  if (allowed && is_pattern && Header(response, "x-durable-streams-pattern") != "true") {
    answer.status =
        MakeError(ErrorCode::kForbidden, "the external check does not say that it judges patterns");
  } else if (allowed) {
    answer.principal = Header(response, "remote-user");
  } else if (response.status == 401) {
    answer.status = MakeError(ErrorCode::kUnauthenticated, "refused by the external check");
    answer.challenge = Header(response, "www-authenticate");
  } else if (response.status == 403) {
    answer.status = MakeError(ErrorCode::kForbidden, "refused by the external check");
  } else {
    answer.status = MakeError(ErrorCode::kOverloaded,
                              response.status == 0
                                  ? "the external check failed: " + response.failure
                                  : absl::StrCat("the external check answered ", response.status));
  }
  return answer;
}

void ExternalCheck::Keep(const std::string& key, const Answer& answer) {
  if (options_.cache <= absl::ZeroDuration()) return;
  if (!answer.status.ok() && GetErrorCode(answer.status) == ErrorCode::kOverloaded) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (cache_.size() >= kMaxCached) cache_.clear();
  cache_[key] = {answer, clock_.Now() + options_.cache};
}

void ExternalCheck::Ask(Question question, UniqueFunction<void(Answer)> done) {
  const std::string key = Sha256(absl::StrCat(
      question.method, "\n", question.uri, "\n", question.host, "\n", question.operation, "\n",
      question.path, "\n", question.is_pattern, question.authorization, "\n", question.cookie));
  {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto known = cache_.find(key);
    if (known != cache_.end() && known->second.until > clock_.Now()) {
      Answer answer = known->second.answer;
      lock.unlock();
      return done(std::move(answer));
    }
  }
  HttpClient::Request request;
  request.url = options_.url;
  request.timeout = options_.timeout;
  request.headers = {{"X-Forwarded-Method", std::move(question.method)},
                     {"X-Forwarded-Uri", std::move(question.uri)},
                     {"X-Forwarded-Host", std::move(question.host)},
                     {"X-Forwarded-Proto", question.secure ? "https" : "http"},
                     {"X-Durable-Streams-Operation", std::move(question.operation)},
                     {"X-Durable-Streams-Path", std::move(question.path)}};
  if (question.is_pattern) request.headers.emplace_back("X-Durable-Streams-Pattern", "true");
  if (!question.authorization.empty()) {
    request.headers.emplace_back("Authorization", std::move(question.authorization));
  }
  if (!question.cookie.empty()) request.headers.emplace_back("Cookie", std::move(question.cookie));
  client_.Send(std::move(request),
               [this, key, is_pattern = question.is_pattern,
                done = std::move(done)](const HttpClient::Response& response) mutable {
                 Answer answer = Judge(response, is_pattern);
                 Keep(key, answer);
                 done(std::move(answer));
               });
}

}  // namespace ds::auth

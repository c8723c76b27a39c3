#include "storage/subscriptions/webhook_sender.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bounded_json.h"
#include "base/http_client.h"

namespace ds {
namespace {

WebhookResponse Judge(const HttpClient::Response& answer) {
  WebhookResponse response;
  if (answer.refused_address) {
    response.failure = "the receiver's address is not a public one";
  } else if (answer.status == 0) {
    response.failure = answer.failure;
  } else if (answer.status < 200 || answer.status >= 300) {
    response.failure = absl::StrCat("the receiver answered ", answer.status);
  } else {
    response.taken = true;
    const nlohmann::json body = ParseBoundedJson(answer.body, {});
    const auto done = body.is_object() ? body.find("done") : body.end();
    response.done = body.is_object() && done != body.end() && done->is_boolean() && *done;
  }
  return response;
}

class HttpSender final : public WebhookSender {
 public:
  explicit HttpSender(WebhookPolicy policy) {
    HttpClient::Options options;
    options.may_connect = [policy = std::move(policy)](const std::string& url,
                                                       const sockaddr& address) {
      return policy.MayConnect(url, address);
    };
    client_ = HttpClient::Make(std::move(options));
  }

  void Send(WebhookRequest request, Callback done) override {
    HttpClient::Request http;
    http.method = "POST";
    http.url = std::move(request.url);
    http.headers = {{"Content-Type", "application/json"},
                    {"Webhook-Signature", std::move(request.signature)}};
    http.body = std::move(request.body);
    http.timeout = request.timeout;
    client_->Send(std::move(http),
                  [done = std::move(done)](const HttpClient::Response& answer) mutable {
                    done(Judge(answer));
                  });
  }

 private:
  std::unique_ptr<HttpClient> client_;
};

}  // namespace

std::unique_ptr<WebhookSender> MakeWebhookSender(WebhookPolicy policy) {
  return std::make_unique<HttpSender>(std::move(policy));
}

}  // namespace ds

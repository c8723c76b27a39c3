#ifndef STORAGE_SUBSCRIPTIONS_WEBHOOK_SENDER_H_
#define STORAGE_SUBSCRIPTIONS_WEBHOOK_SENDER_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "base/unique_function.h"
#include "storage/subscriptions/webhook_policy.h"

namespace ds {

// One webhook request.
struct WebhookRequest {
  std::string url;
  std::string body;        // JSON
  std::string signature;   // the header Webhook-Signature
  absl::Duration timeout;  // of the whole of it, waiting for a free connection included
};

struct WebhookResponse {
  // The receiver answered 2xx. What it answered beyond that does not make it a failure.
  bool taken = false;
  // It answered {"done": true}.
  bool done = false;
  std::string failure;  // for the log, when it was not taken
};

// Sends webhooks. Thread-safe.
class WebhookSender {
 public:
  using Callback = UniqueFunction<void(WebhookResponse)>;

  virtual ~WebhookSender() = default;

  // `done` is called once, on a thread of the sender, unless the sender is destroyed before.
  virtual void Send(WebhookRequest request, Callback done) = 0;
};

// Sends them over HTTP by libcurl, from one thread: many at a time, few to the same host, no
// redirects, no proxy, addresses as the policy allows them. Of a response 64 KiB are read.
std::unique_ptr<WebhookSender> MakeWebhookSender(WebhookPolicy policy);

}  // namespace ds

#endif  // STORAGE_SUBSCRIPTIONS_WEBHOOK_SENDER_H_

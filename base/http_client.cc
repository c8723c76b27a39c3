#include "base/http_client.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "curl/curl.h"

namespace ds {
namespace {

constexpr long kMaxConnections = 64;
constexpr long kMaxConnectionsPerHost = 8;
constexpr long kConnectTimeoutMs = 5'000;
constexpr int kMaxWaitMs = 1'000;
// Of one response, interim ones included.
constexpr size_t kMaxHeaderBytes = 64 << 10;

// One request that is under way.
class Transfer {
 public:
  Transfer(const HttpClient::Options& options, HttpClient::Request request,
           HttpClient::Callback done)
      : options_(options), request_(std::move(request)), done_(std::move(done)) {
    for (const auto& [name, value] : request_.headers) {
      headers_ = curl_slist_append(headers_, absl::StrCat(name, ": ", value).c_str());
    }
    headers_ = curl_slist_append(headers_, "User-Agent: durable-streams");
    // A body of more than a kilobyte would otherwise wait for "100 Continue".
    headers_ = curl_slist_append(headers_, "Expect:");
    curl_easy_setopt(easy_, CURLOPT_URL, request_.url.c_str());
    curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy_, CURLOPT_PROXY, "");
    curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    curl_easy_setopt(
        easy_, CURLOPT_TIMEOUT_MS,
        static_cast<long>(std::max<int64_t>(1, absl::ToInt64Milliseconds(request_.timeout))));
    if (request_.method == "POST") {
      curl_easy_setopt(easy_, CURLOPT_POST, 1L);
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.data());
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request_.body.size()));
    }
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(easy_, CURLOPT_OPENSOCKETFUNCTION, &Transfer::OpenSocket);
    curl_easy_setopt(easy_, CURLOPT_OPENSOCKETDATA, this);
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &Transfer::ReceiveBody);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &Transfer::ReceiveHeader);
    curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  }
  Transfer(const Transfer&) = delete;
  ~Transfer() {
    curl_easy_cleanup(easy_);
    curl_slist_free_all(headers_);
  }

  CURL* easy() const { return easy_; }

  void Finish(CURLcode code) {
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    // A response that is longer than what is read of it was aborted, but came.
    if (code == CURLE_OK || response_.body_too_long) {
      response_.status = static_cast<int>(status);
    } else {
      response_.failure = response_.refused_address ? "the address is not allowed"
                                                    : std::string(curl_easy_strerror(code));
    }
    if (response_.body_too_long) response_.body.clear();
    done_(std::move(response_));
  }

 private:
  static curl_socket_t OpenSocket(void* self, curlsocktype, curl_sockaddr* address) {
    auto& transfer = *static_cast<Transfer*>(self);
    const auto& may_connect = transfer.options_.may_connect;
    if (may_connect && !may_connect(transfer.request_.url, address->addr)) {
      transfer.response_.refused_address = true;
      return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  static size_t ReceiveBody(char* data, size_t, size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    std::string& body = transfer.response_.body;
    if (body.size() + size > transfer.options_.max_response_bytes) {
      transfer.response_.body_too_long = true;
      return 0;
    }
    body.append(data, size);
    return size;
  }

  static size_t ReceiveHeader(char* data, size_t, size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.header_bytes_ += size;
    if (transfer.header_bytes_ > kMaxHeaderBytes) return 0;
    const absl::string_view line(data, size);
    const size_t colon = line.find(':');
    if (colon != absl::string_view::npos) {
      transfer.response_.headers.emplace_back(
          absl::AsciiStrToLower(line.substr(0, colon)),
          std::string(absl::StripAsciiWhitespace(line.substr(colon + 1))));
    }
    return size;
  }

  const HttpClient::Options& options_;
  const HttpClient::Request request_;
  HttpClient::Callback done_;
  CURL* const easy_ = curl_easy_init();
  curl_slist* headers_ = nullptr;
  HttpClient::Response response_;
  size_t header_bytes_ = 0;
};

class CurlClient final : public HttpClient {
 public:
  explicit CurlClient(Options options) : options_(std::move(options)) {
    curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, kMaxConnections);
    curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, kMaxConnectionsPerHost);
    thread_ = std::thread([this] { Run(); });
  }

  ~CurlClient() override {
    stopping_ = true;
    curl_multi_wakeup(multi_);
    thread_.join();
    for (auto& [easy, transfer] : transfers_) curl_multi_remove_handle(multi_, easy);
    transfers_.clear();
    curl_multi_cleanup(multi_);
  }

  void Send(Request request, Callback done) override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      queue_.emplace_back(std::move(request), std::move(done));
    }
    curl_multi_wakeup(multi_);
  }

 private:
  void Run() {
    while (!stopping_) {
      TakeQueue();
      int running = 0;
      curl_multi_perform(multi_, &running);
      FinishTransfers();
      curl_multi_poll(multi_, nullptr, 0, kMaxWaitMs, nullptr);
    }
  }

  void TakeQueue() {
    std::vector<std::pair<Request, Callback>> queue;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      queue.swap(queue_);
    }
    for (auto& [request, done] : queue) {
      auto transfer = std::make_unique<Transfer>(options_, std::move(request), std::move(done));
      CURL* const easy = transfer->easy();
      transfers_.emplace(easy, std::move(transfer));
      curl_multi_add_handle(multi_, easy);
    }
  }

  void FinishTransfers() {
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const easy = message->easy_handle;
      const CURLcode code = message->data.result;
      const auto it = transfers_.find(easy);
      curl_multi_remove_handle(multi_, easy);
      it->second->Finish(code);
      transfers_.erase(it);
    }
  }

  const Options options_;
  CURLM* const multi_ = curl_multi_init();
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;
  std::vector<std::pair<Request, Callback>> queue_;  // guarded by mutex_

  // The thread's own.
  std::unordered_map<CURL*, std::unique_ptr<Transfer>> transfers_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<HttpClient> HttpClient::Make(Options options) {
  // Once in a process, before other threads use it.
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)initialized;
  return std::make_unique<CurlClient>(std::move(options));
}

}  // namespace ds

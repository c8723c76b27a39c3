#include "gateway/handlers/probe.h"

#include <string>

namespace ds {
namespace {

constexpr char kReaders[] = "durable_streams_live_readers";
constexpr char kReadersHelp[] = "Clients that follow a stream now, by mode.";
constexpr const char* kClassNames[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

}  // namespace

GatewayProbe::GatewayProbe(Metrics& metrics)
    : long_poll_readers(metrics.Gauge(kReaders, kReadersHelp, {{"mode", "long_poll"}})),
      sse_readers(metrics.Gauge(kReaders, kReadersHelp, {{"mode", "sse"}})),
      received_bytes_(metrics.Counter("durable_streams_http_received_body_bytes_total",
                                      "Bytes of the bodies of requests.")) {
  for (size_t i = 0; i < kOperations; ++i) {
    const auto operation = static_cast<HttpOperation>(i);
    const std::string name(OperationName(operation));
    for (size_t c = 0; c < kClasses; ++c) {
      requests_[i][c] = &metrics.Counter(
          "durable_streams_http_requests_total",
          "Requests, by operation and class of the answer's status; none: the client went first.",
          {{"operation", name}, {"status", kClassNames[c]}});
    }
    if (operation == HttpOperation::kLongPoll || operation == HttpOperation::kSse) continue;
    seconds_[i] = &metrics.Histogram(
        "durable_streams_http_request_duration_seconds",
        "From the arrival of a whole request until its answer was handed to the kernel; live "
        "reads, which wait for news, are not in here.",
        LatencyBounds(), {{"operation", name}});
  }
}

void GatewayProbe::NoteAnswered(HttpOperation operation, int status,
                                std::chrono::steady_clock::duration took) {
  const auto index = static_cast<size_t>(operation);
  const auto status_class = static_cast<size_t>(status / 100);
  requests_[index][status_class < kClasses ? status_class : 0]->Increment();
  if (seconds_[index] != nullptr) {
    seconds_[index]->Observe(std::chrono::duration<double>(took).count());
  }
}

}  // namespace ds

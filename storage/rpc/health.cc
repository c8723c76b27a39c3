#include "storage/rpc/health.h"

#include <utility>

namespace ds::rpc {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// Its members are guarded by the service's mutex.
class HealthService::WatchCall final
    : public StreamingCall<HealthCheckRequest, HealthCheckResponse> {
 public:
  WatchCall(HealthService& health, CompletionLoop& loop, grpc::ServerCompletionQueue& queue)
      : StreamingCall(loop, queue), health_(health) {
    health_.service_.RequestWatch(&context_, &in_, &writer_, &queue_, &queue_, &accepted_);
  }

  void AdvanceLocked() {
    if (writing_ || finished_) return;
    if (ended_) {
      finished_ = true;
      health_.watchers_.erase(this);
      return Finish(grpc::Status::OK);
    }
    Status now = health_.StatusLocked(in_.service());
    if (now == HealthCheckResponse::UNKNOWN) now = HealthCheckResponse::SERVICE_UNKNOWN;
    if (told_ && out_.status() == now) return;
    told_ = true;
    writing_ = true;
    out_.set_status(now);
    StartWrite(out_);
  }

 private:
  void AcceptNext() override { new WatchCall(health_, loop_, queue_); }
  void Begin() override {
    const std::lock_guard<std::mutex> lock(health_.mutex_);
    health_.watchers_.insert(this);
    AdvanceLocked();
  }
  void OnWritten(bool ok) override {
    const std::lock_guard<std::mutex> lock(health_.mutex_);
    writing_ = false;
    if (!ok) ended_ = true;
    AdvanceLocked();
  }
  void OnCancelled() override {
    const std::lock_guard<std::mutex> lock(health_.mutex_);
    ended_ = true;
    AdvanceLocked();
  }

  HealthService& health_;
  HealthCheckResponse out_;
  bool told_ = false;
  bool writing_ = false;
  bool ended_ = false;
  bool finished_ = false;
};

HealthService::HealthService(std::set<std::string> services) : services_(std::move(services)) {
  check_.request = [this](grpc::ServerContext* context, HealthCheckRequest* in, auto* writer,
                          grpc::ServerCompletionQueue* queue, void* tag) {
    service_.RequestCheck(context, in, writer, queue, queue, tag);
  };
  check_.handler = [this](Check& call) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      call.out().set_status(StatusLocked(call.in().service()));
    }
    const bool known = call.out().status() != HealthCheckResponse::UNKNOWN;
    call.Finish(known ? grpc::Status::OK
                      : grpc::Status(grpc::StatusCode::NOT_FOUND, "there is no such service"));
  };
}

void HealthService::Accept(CompletionLoop& loop, grpc::ServerCompletionQueue& queue) {
  Check::Accept(check_, loop, queue);
  new WatchCall(*this, loop, queue);
}

void HealthService::SetServing(bool serving) {
  const std::lock_guard<std::mutex> lock(mutex_);
  serving_ = serving;
  for (WatchCall* const call : std::set<WatchCall*>(watchers_)) call->AdvanceLocked();
}

HealthService::Status HealthService::StatusLocked(const std::string& service) const {
  if (!service.empty() && !services_.contains(service)) return HealthCheckResponse::UNKNOWN;
  return serving_ ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

}  // namespace ds::rpc

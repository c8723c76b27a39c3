#include "gateway/http/incoming_body.h"

#include <chrono>
#include <utility>

#include "storage/api/errors.h"

namespace ds::http {
namespace {

// What a body may have before it has to come at the minimum rate and its client is looked up:
// little enough that many of them are no harm, and enough for clients that send what they just come
// to know.
constexpr uint64_t kSmallBytes = 64 << 10;
constexpr auto kRateWindow = std::chrono::seconds(10);
// Without a byte for so long, a body stands still.
constexpr auto kStandstill = std::chrono::milliseconds(400);

absl::Status Refused(BodyBudget::Refusal why) {
  switch (why) {
    case BodyBudget::Refusal::kNone:
      break;
    case BodyBudget::Refusal::kFull:
      return MakeError(ErrorCode::kOverloaded, "too many request bodies are arriving");
    case BodyBudget::Refusal::kClient:
      return MakeError(ErrorCode::kOverloaded, "too many request bodies of this client");
    case BodyBudget::Refusal::kCrowded:
      return MakeError(ErrorCode::kOverloaded,
                       "too many request bodies are arriving, most of them this client's");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ClientGone() { return MakeError(ErrorCode::kBadRequest, "the client is gone"); }

void IncomingBody::Begin(uint64_t max_bytes, Owners owners, SteadyTime now) {
  max_bytes_ = max_bytes;
  owners_.emplace(owners);
  last_byte_ = window_begin_ = now;
  window_bytes_ = bytes_;
  waiting_ = true;
}

std::coroutine_handle<> IncomingBody::Finish(absl::Status status) {
  waiting_ = false;
  owners_.reset();
  status_ = std::move(status);
  if (!status_.ok()) hold_.Release();
  return std::exchange(handler_, {});
}

void IncomingBody::Own(Owners owners) {
  if (!hold_.owned()) hold_.Own(owners());
}

absl::Status IncomingBody::Grow(uint64_t bytes) { return Refused(hold_.Grow(bytes)); }

absl::Status IncomingBody::Arrived(uint64_t bytes, SteadyTime now) {
  if (waiting_ && bytes > max_bytes_) return MakeError(ErrorCode::kPayloadTooLarge);
  if (waiting_ && bytes > kSmallBytes) Own(*owners_);
  if (bytes > bytes_) last_byte_ = now;
  bytes_ = bytes;
  return Grow(bytes);
}

absl::Status IncomingBody::Arrived(uint64_t bytes, Owners owners, SteadyTime now) {
  if (!waiting_ && bytes > kSmallBytes) Own(owners);
  return Arrived(bytes, now);
}

absl::Status IncomingBody::Reserve(uint64_t bytes, Owners owners) {
  Own(owners);
  return Grow(bytes);
}

bool IncomingBody::TooSlow(SteadyTime now) {
  const auto took = now - window_begin_;
  if (took < kRateWindow) return false;
  const double seconds = std::chrono::duration<double>(took).count();
  const auto brought = static_cast<double>(bytes_ - window_bytes_);
  window_begin_ = now;
  window_bytes_ = bytes_;
  return bytes_ > kSmallBytes && brought < seconds * static_cast<double>(shared_.min_body_rate);
}

absl::Status IncomingBody::Check(SteadyTime now) {
  if (!waiting_) return absl::OkStatus();
  Own(*owners_);
  if (now - last_byte_ > shared_.timeouts.body) return MakeError(ErrorCode::kRequestTimeout);
  if (TooSlow(now)) {
    ++shared_.slow_bodies;
    return MakeError(ErrorCode::kRequestTimeout, "the body comes too slowly");
  }
  if (now - last_byte_ > kStandstill && hold_.IsInTheWay()) {
    shared_.bodies.NoteGivenWay();
    return Refused(BodyBudget::Refusal::kCrowded);
  }
  return absl::OkStatus();
}

void IncomingBody::Reset() {
  hold_.Release();
  bytes_ = 0;
  waiting_ = false;
  owners_.reset();
  if (!status_.ok()) status_ = absl::OkStatus();
}

}  // namespace ds::http

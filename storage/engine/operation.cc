#include "storage/engine/operation.h"

#include <utility>

#include "storage/engine/keys.h"

namespace ds {
namespace {

uint64_t PayloadOf(const AppendOperation& append) { return append.request.body.size(); }
uint64_t PayloadOf(const CreateOperation& create) { return create.request.body.size(); }
uint64_t PayloadOf(const DeleteOperation&) { return 0; }
uint64_t PayloadOf(const RenewOperation&) { return 0; }
uint64_t PayloadOf(const RepackOperation& repack) {
  uint64_t size = repack.obsolete.size() * sizeof(uint64_t);
  for (const RepackOperation::Record& record : repack.records) size += record.value.size();
  return size;
}

uint64_t PayloadOf(const RemovalOperation& removal) {
  return (removal.records.size() + removal.producers.size()) *
         (kRecordKeySize + sizeof(std::string));
}
uint64_t PayloadOf(const SubscriptionOperation&) { return 0; }
uint64_t PayloadOf(const WebhookResultOperation&) { return 0; }

template <typename Result>
UniqueFunction<void()> Later(StreamStore::Callback<Result>& done, const absl::Status& status) {
  if (!done) return {};
  return [done = std::exchange(done, {}), status]() mutable {
    Result result;
    result.status = status;
    done(std::move(result));
  };
}

}  // namespace

uint64_t SizeOf(const Operation& operation) {
  constexpr uint64_t kOverhead = 256;
  return kOverhead + std::visit([](const auto& one) { return PayloadOf(one); }, operation);
}

SteadyTime DeadlineOf(const Operation& operation) {
  return std::visit(
      [](const auto& one) {
        if constexpr (requires { one.request; }) return one.request.context.deadline;
        if constexpr (requires { one.call; }) return one.call.context.deadline;
        return CallContext::kNoDeadline;
      },
      operation);
}

UniqueFunction<void()> TakeAnswer(Operation& operation, const absl::Status& status) {
  return std::visit(
      [&](auto& one) -> UniqueFunction<void()> {
        if constexpr (requires { one.done; }) return Later(one.done, status);
        // Of a webhook's result: the lease of its wake ends, and counts as the failure.
        return {};
      },
      operation);
}

void Refuse(Operation& operation, const absl::Status& status) {
  if (UniqueFunction<void()> answer = TakeAnswer(operation, status)) answer();
}

}  // namespace ds

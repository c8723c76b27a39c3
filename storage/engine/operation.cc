#include "storage/engine/operation.h"

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

void RefuseOne(AppendOperation& append, const absl::Status& status) {
  append.done(AppendResult{.status = status});
}
void RefuseOne(CreateOperation& create, const absl::Status& status) {
  create.done(CreateResult{.status = status});
}
void RefuseOne(DeleteOperation& remove, const absl::Status& status) {
  remove.done(DeleteResult{.status = status});
}
void RefuseOne(RenewOperation&, const absl::Status&) {}
void RefuseOne(SubscriptionOperation& operation, const absl::Status& status) {
  operation.done(SubscriptionAnswer{.status = status});
}
// The lease of its wake ends, and counts as the failure.
void RefuseOne(WebhookResultOperation&, const absl::Status&) {}
void RefuseOne(RepackOperation& repack, const absl::Status& status) {
  repack.done(MaintenanceResult{.status = status});
}
void RefuseOne(RemovalOperation& removal, const absl::Status& status) {
  removal.done(MaintenanceResult{.status = status});
}

}  // namespace

uint64_t SizeOf(const Operation& operation) {
  constexpr uint64_t kOverhead = 256;
  return kOverhead + std::visit([](const auto& one) { return PayloadOf(one); }, operation);
}

absl::Time DeadlineOf(const Operation& operation) {
  return std::visit(
      [](const auto& one) {
        if constexpr (requires { one.request.context; }) return one.request.context.deadline;
        return absl::InfiniteFuture();
      },
      operation);
}

void Refuse(Operation& operation, const absl::Status& status) {
  std::visit([&](auto& one) { RefuseOne(one, status); }, operation);
}

}  // namespace ds

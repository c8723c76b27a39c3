#include "gateway/limits/body_budget.h"

#include <algorithm>
#include <utility>

namespace ds {

// All that one client has; forgotten with its last body.
class BodyBudget::Account {
 public:
  Account(BodyBudget& budget, size_t kind, std::string key)
      : kind(kind), budget_(budget), key_(std::move(key)) {
    ++budget_.counts_[kind];
  }
  ~Account() {
    --budget_.counts_[kind];
    const std::lock_guard<std::mutex> lock(budget_.mutex_);
    const auto it = budget_.accounts_[kind].find(key_);
    // Another one may have been opened meanwhile.
    if (it != budget_.accounts_[kind].end() && it->second.expired()) {
      budget_.accounts_[kind].erase(it);
    }
  }
  Account(const Account&) = delete;

  std::atomic<uint64_t> bytes{0};
  const size_t kind;

 private:
  BodyBudget& budget_;
  const std::string key_;
};

std::shared_ptr<BodyBudget::Account> BodyBudget::Open(size_t kind, const std::string& key) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::weak_ptr<Account>& known = accounts_[kind][key];
  std::shared_ptr<Account> account = known.lock();
  if (account == nullptr) {
    account = std::make_shared<Account>(*this, kind, key);
    known = account;
  }
  return account;
}

void BodyBudget::Hold::Own(const BodyOwners& owners) {
  AddToAccounts(-bytes_);
  accounts_[0] = budget_.Open(0, owners.address);
  accounts_[1] = owners.principal.empty() ? nullptr : budget_.Open(1, owners.principal);
  AddToAccounts(bytes_);
}

BodyBudget::Refusal BodyBudget::Judge(const Hold& hold, uint64_t all, uint64_t more) const {
  if (all > options_.max_bytes) return Refusal::kFull;
  for (const auto& account : hold.accounts_) {
    if (account == nullptr) continue;
    const uint64_t has = account->bytes.load(std::memory_order_relaxed) + more;
    if (has > max_client_bytes()) return Refusal::kClient;
    if (all > crowded_from() && has > options_.max_bytes / (counts_[account->kind] + 1)) {
      return Refusal::kCrowded;
    }
  }
  return Refusal::kNone;
}

void BodyBudget::Hold::AddToAccounts(uint64_t bytes) {
  for (const auto& account : accounts_) {
    if (account != nullptr) account->bytes += bytes;
  }
}

BodyBudget::Refusal BodyBudget::Hold::Grow(uint64_t bytes) {
  if (bytes <= bytes_) return Refusal::kNone;
  const uint64_t more = bytes - bytes_;
  const uint64_t all = budget_.bytes_.fetch_add(more) + more;
  const Refusal refusal = budget_.Judge(*this, all, more);
  if (refusal == Refusal::kNone) {
    bytes_ = bytes;
    AddToAccounts(more);
  } else {
    budget_.bytes_ -= more;
    ++budget_.refusals_[static_cast<size_t>(refusal)];
  }
  return refusal;
}

bool BodyBudget::Hold::IsInTheWay() const {
  return bytes_ > 0 && budget_.Judge(*this, budget_.bytes(), 0) == Refusal::kCrowded;
}

void BodyBudget::Hold::Release() {
  if (bytes_ > 0) {
    budget_.bytes_ -= bytes_;
    if (owned()) AddToAccounts(-bytes_);
    bytes_ = 0;
  }
  if (owned()) accounts_ = {};
}

}  // namespace ds

#ifndef GATEWAY_LIMITS_BODY_BUDGET_H_
#define GATEWAY_LIMITS_BODY_BUDGET_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace ds {

// On whose account a request's body is kept.
struct BodyOwners {
  std::string address;    // see ClientAddressKey
  std::string principal;  // empty: nobody is known
};

// The memory for request bodies that arrive, and how clients share it. Three bounds: all together;
// what one client has, by its address and by its principal; and, once three quarters are in use,
// that client's part if all that are there now, and one more, had the same. So one client alone
// takes half at most, several that want everything leave room for those who come, and whoever sends
// little is served. Thread-safe.
class BodyBudget {
 public:
  struct Options {
    uint64_t max_bytes = 1u << 30;
    uint64_t max_client_bytes = 0;  // 0: half of max_bytes
  };
  enum class Refusal { kNone, kFull, kClient, kCrowded };

  class Account;
  // What one body has. It belongs to one thread, and to one budget, which must outlive it.
  class Hold {
   public:
    explicit Hold(BodyBudget& budget) : budget_(budget) {}
    ~Hold() { Release(); }
    Hold(const Hold&) = delete;

    // Puts the body on the accounts of these clients, with what it has, in place of others, until
    // it is released. Without that it counts in the whole alone: right for what is there for a
    // moment only.
    void Own(const BodyOwners& owners);
    bool owned() const { return accounts_[0] != nullptr; }
    // Takes as much as makes it `bytes` in all; nothing when it has that. Refused, it keeps what it
    // has.
    Refusal Grow(uint64_t bytes);
    // Whether it is to give what it has back if it does not grow: others need it, and its client
    // has more than its part.
    bool IsInTheWay() const;
    void Release();

   private:
    friend class BodyBudget;
    void AddToAccounts(uint64_t bytes);

    BodyBudget& budget_;
    uint64_t bytes_ = 0;
    std::array<std::shared_ptr<Account>, 2> accounts_;  // of an address and a principal
  };

  BodyBudget() = default;
  // REQUIRES: nothing was taken yet.
  void Configure(const Options& options) { options_ = options; }

  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // Bodies that were refused, by the reason, and that had to give way.
  uint64_t refusals(Refusal why) const { return refusals_[static_cast<size_t>(why)].load(); }
  void NoteGivenWay() { ++refusals_[static_cast<size_t>(Refusal::kCrowded)]; }
  // Clients with bodies on their accounts, by address.
  uint64_t clients() const { return counts_[0].load(); }

 private:
  // Whether the hold may have `more`, with which all have `all`.
  Refusal Judge(const Hold& hold, uint64_t all, uint64_t more) const;
  uint64_t max_client_bytes() const {
    return options_.max_client_bytes > 0 ? options_.max_client_bytes : options_.max_bytes / 2;
  }
  uint64_t crowded_from() const { return options_.max_bytes / 4 * 3; }

  Options options_;
  std::atomic<uint64_t> bytes_{0};
  std::array<std::atomic<uint64_t>, 4> refusals_{};
  std::array<std::atomic<uint64_t>, 2> counts_{};  // accounts of each kind

  std::mutex mutex_;
  // Guarded by mutex_; addresses and principals.
  std::array<std::unordered_map<std::string, std::weak_ptr<Account>>, 2> accounts_;

  std::shared_ptr<Account> Open(size_t kind, const std::string& key);
};

}  // namespace ds

#endif  // GATEWAY_LIMITS_BODY_BUDGET_H_

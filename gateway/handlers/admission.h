#ifndef GATEWAY_HANDLERS_ADMISSION_H_
#define GATEWAY_HANDLERS_ADMISSION_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/task.h"
#include "gateway/auth/authenticator.h"
#include "gateway/auth/external_check.h"
#include "gateway/handlers/authentication.h"
#include "gateway/handlers/request_context.h"
#include "gateway/limits/body_budget.h"
#include "gateway/limits/memory_guard.h"
#include "gateway/limits/rate_limiter.h"
#include "metrics/metrics.h"

namespace ds {

// Decides whether a request may go on: is there memory for it, who is it from, what may they do,
// and how much. Each part may be absent. Preflights are not asked about. Thread-safe; runs on the
// thread of the request's exchange.
class Admission {
 public:
  struct Parts {
    auth::Authenticator* authenticator = nullptr;
    Authentication::Options authentication;
    auth::ExternalCheck* external = nullptr;
    RateLimiter* limiter = nullptr;
    const MemoryGuard* memory = nullptr;
    // The header in which a trusted proxy in front says whom it speaks for, such as
    // X-Forwarded-For; of a list the last counts. Empty: clients are told by their own address.
    std::string client_address_header;
    // Of the URLs that the external check is asked about.
    std::string stream_root = "/";
  };

  // What the parts point to must outlive the object.
  Admission(const Parts& parts, Metrics& metrics);

  // Whether Admit has to be asked; Shed always has.
  bool guards() const { return authenticates() || parts_.limiter != nullptr; }
  // Whether clients are told apart, here or by the external check.
  bool authenticates() const {
    return parts_.authenticator != nullptr || parts_.external != nullptr;
  }
  // nullptr when there is none.
  auth::Authenticator* authenticator() const { return parts_.authenticator; }
  // kOverloaded while memory is short. Deleting is let through: it is what frees some.
  absl::Status Shed(const RequestContext& context);
  // Sets what is found out in the context. Errors: those of Authentication::Identify, kForbidden,
  // kStreamNotFound (what one may not see is not there), kRateLimited.
  Task<absl::Status> Admit(RequestContext& context);

  // Whether the request may also do all that it asks of the store: as a whole, before any of it is
  // done. What Admit has judged is not judged again. Errors: kForbidden, and those of the external
  // check.
  template <typename Request>
  Task<absl::Status> AdmitAll(RequestContext& context, const Request& request) {
    return Judge(context, ListAccesses(request));
  }

  // Whether a live read may go on: false when its credential was withdrawn, or what it may do was
  // changed so that it may not read any more. Cheap while nothing has changed.
  bool StillAdmits(RequestContext& context) const {
    return parts_.authenticator == nullptr ||
           context.judged_generation == parts_.authenticator->generation() || JudgeAgain(context);
  }
  // Becomes another number when live reads have to be asked about again.
  uint64_t generation() const {
    return parts_.authenticator == nullptr ? 0 : parts_.authenticator->generation();
  }

  // One live reader more, while the object lives; false when the client has too many.
  class LiveReader {
   public:
    LiveReader(Admission& admission, const RequestContext& context);
    LiveReader(const LiveReader&) = delete;
    ~LiveReader();
    explicit operator bool() const { return admitted_; }

   private:
    RateLimiter* limiter_;
    const RequestContext& context_;
    bool admitted_ = true;
  };
  // Charges bytes that are sent to the client, or that its body turned out to have.
  void ChargeBytes(const RequestContext& context, uint64_t bytes);
  // Who answers for the memory of the request's body.
  BodyOwners OwnersOfBody(const RequestContext& context) const;

  const RateLimiter* limiter() const { return parts_.limiter; }

 private:
  friend class LiveReader;

  std::string ClientAddress(const RequestContext& context) const;
  bool JudgeAgain(RequestContext& context) const;
  absl::Status Authorize(RequestContext& context, const StreamPath& path);
  Task<absl::Status> Judge(RequestContext& context, std::vector<Access> accesses);
  // Asks the external check about the request itself or, with an access, about what it does beside
  // that: as a request that does this alone.
  Task<absl::Status> AskExternal(RequestContext& context, const Access* access);

  const Parts parts_;
  const Authentication authentication_;
  prometheus::Counter& unauthenticated_;
  prometheus::Counter& forbidden_;
  prometheus::Counter& limited_requests_;
  prometheus::Counter& limited_bytes_;
  prometheus::Counter& limited_readers_;
  prometheus::Counter& shed_;
};

}  // namespace ds

#endif  // GATEWAY_HANDLERS_ADMISSION_H_

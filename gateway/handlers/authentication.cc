#include "gateway/handlers/authentication.h"

#include <memory>
#include <utility>

#include "gateway/handlers/callback_result.h"
#include "storage/api/errors.h"

namespace ds {

Task<absl::Status> Authentication::Identify(RequestContext& context) const {
  const auth::Credential credential =
      auth::Credential::FromAuthorization(context.request().Find("authorization"));
  if (!ComesFromHere(context, credential)) co_return MakeError(ErrorCode::kCrossSiteRequest);
  if (authenticator_ == nullptr) co_return absl::OkStatus();
  absl::StatusOr<auth::PrincipalPtr> principal = co_await Authenticate(context, credential);
  if (!principal.ok()) {
    if (Describe(GetErrorCode(principal.status())).http_status == 401) {
      AddChallenges(context, credential.kind() != auth::Credential::Kind::kNone);
    }
    co_return principal.status();
  }
  context.principal = *std::move(principal);
  if (!context.principal->anonymous) context.client = context.principal->name;
  co_return absl::OkStatus();
}

absl::StatusOr<auth::PrincipalPtr> Authentication::IdentifyAgain(
    const RequestContext& context) const {
  const Target& target = context.target;
  if (context.url_is_signed) return authenticator_->AuthenticateUrl(target.query, target.path);
  return authenticator_->Authenticate(context.credential);
}

bool Authentication::ComesFromHere(const RequestContext& context,
                                   const auth::Credential& credential) const {
  const http::Request& request = context.request();
  const bool by_cookie = options_.takes_cookies && request.Find("cookie").has_value();
  if (!by_cookie && !credential.is_ambient()) return true;
  // Programs that send a key by Basic are many; those that send cookies are browsers, unless they
  // also send what browsers do only for a page that may call here (CORS).
  const bool is_browser = by_cookie && credential.kind() != auth::Credential::Kind::kBearer;
  return cross_site_.Passes(request, /*needs_origin=*/is_browser);
}

void Authentication::AddChallenges(RequestContext& context, bool refused) const {
  context.challenges = {refused ? "Bearer error=\"invalid_token\"" : "Bearer"};
  if (!options_.basic_challenge) return;
  // In a line of its own: browsers take a line for one challenge.
  context.challenges.push_back("Basic realm=\"durable-streams\", charset=\"UTF-8\"");
}

Task<absl::StatusOr<auth::PrincipalPtr>> Authentication::Authenticate(
    RequestContext& context, const auth::Credential& credential) const {
  if (context.url_is_signed) {
    if (context.request().Find("authorization")) {
      // One of them would have to lose, and whoever made the link or remembers the password would
      // not expect it (RFC 6750 section 2).
      co_return MakeError(ErrorCode::kBadRequest,
                          "a signed URL and the header Authorization exclude each other");
    }
    co_return authenticator_->AuthenticateUrl(context.target.query, context.target.path);
  }
  if (credential.kind() == auth::Credential::Kind::kMalformed) {
    co_return MakeError(ErrorCode::kUnauthenticated, "Basic needs a key as password");
  }
  if (context.target.Find("live") != nullptr) context.credential = credential.token();
  std::shared_ptr<auth::Issuer> refresh;
  absl::StatusOr<auth::PrincipalPtr> principal =
      authenticator_->Authenticate(credential.token(), &refresh);
  if (principal.ok() || refresh == nullptr) co_return principal;
  // The issuer may have rotated its keys.
  auto start = [this, refresh](UniqueFunction<void(int)> done) {
    authenticator_->Refresh(refresh, [done = std::move(done)]() mutable { done(0); });
  };
  CallbackAwaiter<int> fetched(context.exchange.io(), context.call.deadline, std::move(start));
  if (!co_await fetched) {
    co_return MakeError(ErrorCode::kDeadlineExceeded, "the issuer's keys did not come in time");
  }
  co_return authenticator_->Authenticate(credential.token());
}

}  // namespace ds

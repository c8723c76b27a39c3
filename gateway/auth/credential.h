#ifndef GATEWAY_AUTH_CREDENTIAL_H_
#define GATEWAY_AUTH_CREDENTIAL_H_

#include <optional>
#include <string>
#include <string_view>

namespace ds::auth {

// What a request shows for who it comes from; nothing of it is verified. The views point into the
// header that it was taken from.
class Credential {
 public:
  enum class Kind {
    kNone,      // nothing, or a scheme that is not known here
    kBearer,    // RFC 6750
    kBasic,     // RFC 7617: the password is the token, the user's name does not count
    kMalformed  // Basic that cannot be read
  };

  // Of the header Authorization.
  static Credential FromAuthorization(std::optional<std::string_view> authorization);

  Kind kind() const { return kind_; }
  // An API key or a JWT; empty for kNone and kMalformed.
  std::string_view token() const { return kind_ == Kind::kBasic ? password_ : token_; }
  // Whether browsers send it along by themselves once they have it, whichever page makes the
  // request.
  bool is_ambient() const { return kind_ == Kind::kBasic; }

 private:
  Kind kind_ = Kind::kNone;
  std::string_view token_;
  std::string password_;
};

// The token of `Authorization: Bearer TOKEN`; empty when there is none.
std::string_view BearerToken(std::optional<std::string_view> authorization);

}  // namespace ds::auth

#endif  // GATEWAY_AUTH_CREDENTIAL_H_

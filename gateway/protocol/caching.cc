#include "gateway/protocol/caching.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace ds {
namespace {

// Section 10.1.
constexpr absl::Duration kProtocolMaxAge = absl::Seconds(60);
constexpr absl::Duration kProtocolStale = absl::Seconds(300);
// How long a shared cache may give the answer to a long-poll to others that ask the same: long
// enough for those that waited for it. nginx looks every half second whether it has come, and
// counts in whole seconds.
constexpr absl::Duration kSharing = absl::Seconds(2);
constexpr absl::Duration kSecond = absl::Seconds(1);
// For caches that go on giving what is stale while they ask for anew, as Varnish does unless told.
constexpr char kNeverStale[] = ", must-revalidate, stale-while-revalidate=0";

int64_t Seconds(absl::Duration duration) { return absl::ToInt64Seconds(duration); }

// Whether the URL names a place in the incarnation that all of the answer is of. An offset that a
// fork has from its source does not: the fork may be deleted, and another one made that left the
// source earlier.
bool NamesIncarnation(const ReadQuery& query, const ReadResult& read) {
  return query.from == ReadRequest::From::kOffset &&
         query.offset.incarnation == read.next.incarnation &&
         query.offset.incarnation >= read.info.stream_id;
}

}  // namespace

Permanence PermanenceOf(const ReadQuery& query, const ReadResult& read) {
  if (query.from == ReadRequest::From::kNow) return Permanence::kMomentary;
  if (!NamesIncarnation(query, read)) return Permanence::kChanging;
  if (!read.up_to_date || read.at_end()) return Permanence::kFixed;
  return query.live == ReadQuery::Live::kLongPoll ? Permanence::kShared : Permanence::kChanging;
}

std::optional<absl::Duration> LifeLeft(const Lifetime& lifetime, absl::Time now) {
  if (lifetime.ttl_seconds) {
    return absl::Seconds(static_cast<int64_t>(std::min<uint64_t>(*lifetime.ttl_seconds, 1u << 30)));
  }
  if (!lifetime.expires_at) return std::nullopt;
  return std::max(absl::ZeroDuration(), absl::Floor(*lifetime.expires_at - now, absl::Seconds(1)));
}

std::string CacheControl(const CacheOptions& options, Permanence permanence, bool has_content,
                         bool is_private, std::optional<absl::Duration> life_left) {
  const auto within_life = [&](absl::Duration age) {
    return life_left ? std::min(age, *life_left) : age;
  };
  const char* const audience = is_private ? "private" : "public";
  if (permanence == Permanence::kMomentary) return "no-store";
  if (options.policy == CacheOptions::Policy::kProtocol) {
    if (!has_content) return "no-store";
    const absl::Duration age = within_life(kProtocolMaxAge);
    const absl::Duration stale = within_life(age + kProtocolStale) - age;
    return absl::StrCat(audience, ", max-age=", Seconds(age),
                        ", stale-while-revalidate=", Seconds(stale));
  }
  const absl::Duration age = within_life(options.max_age);
  if (permanence == Permanence::kFixed && has_content && age >= kSecond) {
    return absl::StrCat(audience, ", max-age=", Seconds(age), ", immutable",
                        life_left ? kNeverStale : "");
  }
  // The end of a stream, which is a 204, is shared as well.
  const bool shared =
      permanence == Permanence::kShared || (permanence == Permanence::kFixed && !has_content);
  const absl::Duration sharing = within_life(kSharing);
  if (shared && !is_private && sharing >= kSecond) {
    return absl::StrCat("public, max-age=0, s-maxage=", Seconds(sharing), kNeverStale);
  }
  return has_content ? absl::StrCat(audience, ", no-cache") : "no-store";
}

}  // namespace ds

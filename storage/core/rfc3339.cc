#include "storage/core/rfc3339.h"

#include <cstdint>

#include "absl/time/civil_time.h"

namespace ds {
namespace {

// Takes the parts of a timestamp from its front. After a part that is not there nothing more is
// taken, and ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  // So many digits, whose value is within the limits.
  int Number(size_t digits, int least, int most) {
    int value = 0;
    for (size_t i = 0; i < digits && ok_; ++i) {
      ok_ = i < rest_.size() && IsDigit(rest_[i]);
      if (ok_) value = 10 * value + (rest_[i] - '0');
    }
    ok_ = ok_ && value >= least && value <= most;
    if (ok_) rest_.remove_prefix(digits);
    return value;
  }
  // A character; a letter in either case.
  void Expect(char upper) { ok_ = ok_ && Take(upper); }
  bool Take(char upper) {
    const bool letter = upper >= 'A' && upper <= 'Z';
    if (rest_.empty() || (rest_[0] != upper && !(letter && rest_[0] == (upper | 0x20))))
      return false;
    rest_.remove_prefix(1);
    return true;
  }
  // One digit or more behind a point.
  absl::Duration Fraction() {
    int64_t nanoseconds = 0;
    int64_t unit = 1'000'000'000;
    size_t digits = 0;
    while (digits < rest_.size() && IsDigit(rest_[digits])) {
      unit /= 10;
      nanoseconds += unit * (rest_[digits++] - '0');
    }
    ok_ = ok_ && digits > 0;
    rest_.remove_prefix(digits);
    return absl::Nanoseconds(nanoseconds);
  }

  bool ok() const { return ok_; }
  bool AtEnd() const { return ok_ && rest_.empty(); }

 private:
  static bool IsDigit(char c) { return c >= '0' && c <= '9'; }

  std::string_view rest_;
  bool ok_ = true;
};

int DaysIn(int year, int month) {
  const absl::CivilMonth begin(year, month);
  return static_cast<int>(absl::CivilDay(begin + 1) - absl::CivilDay(begin));
}

}  // namespace

std::optional<absl::Time> ParseRfc3339(std::string_view text) {
  Reader reader(text);
  const int year = reader.Number(4, 0, 9999);
  reader.Expect('-');
  const int month = reader.Number(2, 1, 12);
  reader.Expect('-');
  const int day = reader.Number(2, 1, reader.ok() ? DaysIn(year, month) : 0);
  reader.Expect('T');
  const int hour = reader.Number(2, 0, 23);
  reader.Expect(':');
  const int minute = reader.Number(2, 0, 59);
  reader.Expect(':');
  const int second = reader.Number(2, 0, 60);
  const absl::Duration fraction = reader.Take('.') ? reader.Fraction() : absl::ZeroDuration();
  absl::Duration offset;
  if (!reader.Take('Z')) {
    const bool west = reader.Take('-');
    if (!west) reader.Expect('+');
    offset = absl::Hours(reader.Number(2, 0, 23));
    reader.Expect(':');
    offset += absl::Minutes(reader.Number(2, 0, 59));
    if (west) offset = -offset;
  }
  if (!reader.AtEnd()) return std::nullopt;
  // A second of 60 becomes the one that follows.
  const absl::Time time = absl::FromCivil(absl::CivilSecond(year, month, day, hour, minute, second),
                                          absl::UTCTimeZone()) -
                          offset;
  if (second == 60) {
    const absl::CivilSecond next = absl::ToCivilSecond(time, absl::UTCTimeZone());
    if (next != absl::CivilSecond(absl::CivilMonth(next))) return std::nullopt;
  }
  return time + fraction;
}

}  // namespace ds

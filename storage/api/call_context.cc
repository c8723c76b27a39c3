#include "storage/api/call_context.h"

#include <algorithm>
#include <charconv>
#include <random>

#include "absl/strings/str_cat.h"

namespace ds {
namespace {

bool IsLowerHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

uint64_t HexNumber(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

uint64_t RandomId() {
  thread_local std::mt19937_64 engine = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  uint64_t value;
  do {
    value = engine();
  } while (value == 0);
  return value;
}

}  // namespace

std::string TraceContext::trace_id() const {
  return absl::StrCat(absl::Hex(trace_high, absl::kZeroPad16),
                      absl::Hex(trace_low, absl::kZeroPad16));
}

std::string TraceContext::ToTraceparent() const {
  return absl::StrCat("00-", trace_id(), "-", absl::Hex(span, absl::kZeroPad16), "-",
                      absl::Hex(flags, absl::kZeroPad2));
}

std::optional<TraceContext> ParseTraceparent(std::string_view text) {
  if (text.size() < TraceContext::kTextSize) return std::nullopt;
  const std::string_view version = text.substr(0, 2);
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  if (!IsLowerHex(version) || !IsLowerHex(text.substr(3, 32)) || !IsLowerHex(text.substr(36, 16)) ||
      !IsLowerHex(text.substr(53, 2))) {
    return std::nullopt;
  }
  // A later version may say more behind another dash; this one may not, and ff is none.
  const bool longer = text.size() > TraceContext::kTextSize;
  if (version == "ff" || (longer && (version == "00" || text[TraceContext::kTextSize] != '-'))) {
    return std::nullopt;
  }
  const TraceContext trace{HexNumber(text.substr(3, 16)), HexNumber(text.substr(19, 16)),
                           HexNumber(text.substr(36, 16)),
                           static_cast<uint8_t>(HexNumber(text.substr(53, 2)))};
  return trace.valid() ? std::optional<TraceContext>(trace) : std::nullopt;
}

TraceContext NewTrace() { return {RandomId(), RandomId(), RandomId(), 0}; }

TraceContext NewSpan(const TraceContext& parent) {
  return {parent.trace_high, parent.trace_low, RandomId(), parent.flags};
}

}  // namespace ds

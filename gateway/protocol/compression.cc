#include "gateway/protocol/compression.h"

#include <algorithm>
#include <utility>

#include "brotli/encode.h"
#include "gateway/protocol/lists.h"
#include "zlib.h"
#include "zstd.h"

namespace ds {
namespace {

constexpr size_t kCodings = 4;
// What is compressed of a larger body before it is judged whether it goes on.
constexpr size_t kTrialBytes = 4 * Compressor::kStepBytes;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool EqualsLower(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return Lower(a) == b; });
}

// A qvalue (RFC 9110 section 12.4.2) in thousandths.
std::optional<int> ParseWeight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int value = 0;
  int unit = 100;
  for (const char c : text.substr(std::min<size_t>(2, text.size()))) {
    if (c < '0' || c > '9') return std::nullopt;
    value += (c - '0') * std::exchange(unit, unit / 10);
  }
  if (text[0] == '0') return value;
  return value == 0 ? std::optional<int>(1000) : std::nullopt;
}

// The weight among the parameters of an item; 1 where there is none.
std::optional<int> WeightOf(std::string_view parameters) {
  while (!parameters.empty()) {
    const size_t end = std::min(parameters.find(';'), parameters.size());
    const std::string_view parameter = TrimSpace(parameters.substr(0, end));
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
    const size_t equals = std::min(parameter.find('='), parameter.size());
    if (!EqualsLower(TrimSpace(parameter.substr(0, equals)), "q")) continue;
    return ParseWeight(TrimSpace(parameter.substr(std::min(equals + 1, parameter.size()))));
  }
  return 1000;
}

std::optional<Coding> CodingFromName(std::string_view name) {
  if (EqualsLower(name, "gzip") || EqualsLower(name, "x-gzip")) return Coding::kGzip;
  if (EqualsLower(name, "zstd")) return Coding::kZstd;
  if (EqualsLower(name, "br")) return Coding::kBrotli;
  if (EqualsLower(name, "identity")) return Coding::kIdentity;
  return std::nullopt;
}

// Where a coding stands for the client.
struct Standing {
  int weight = -1;  // in thousandths; 0: refused; -1: not said
  int rank = 0;     // among those of the same weight; the lowest first
};

}  // namespace

AcceptedCodings AcceptedCodings::IdentityOnly() {
  AcceptedCodings accepted;
  accepted.order_[accepted.count_++] = Coding::kIdentity;
  return accepted;
}

AcceptedCodings AcceptedCodings::Parse(std::optional<std::string_view> accept_encoding) {
  if (!accept_encoding) return IdentityOnly();
  std::array<Standing, kCodings> standings;
  std::optional<int> any;
  ForEachListItem(*accept_encoding, [&](std::string_view item) {
    const size_t semicolon = std::min(item.find(';'), item.size());
    const std::string_view name = TrimSpace(item.substr(0, semicolon));
    const std::optional<int> weight = WeightOf(item.substr(std::min(semicolon + 1, item.size())));
    if (!weight) return;
    if (name == "*") any = any.value_or(*weight);
    const std::optional<Coding> coding = CodingFromName(name);
    if (!coding) return;
    Standing& standing = standings[static_cast<size_t>(*coding)];
    // Of several weights for one coding the first holds.
    if (standing.weight < 0) standing = {*weight, 0};
  });
  const auto rank = [&](Coding coding, int named, int by_any) {
    Standing& standing = standings[static_cast<size_t>(coding)];
    standing.rank = named;
    if (standing.weight >= 0) return;
    standing = {any.value_or(-1), by_any};
  };
  rank(Coding::kZstd, 0, 4);
  rank(Coding::kBrotli, 1, 5);
  rank(Coding::kGzip, 2, 3);
  rank(Coding::kIdentity, 6, 6);
  AcceptedCodings accepted;
  for (size_t i = 0; i < kCodings; ++i) {
    const Coding coding = static_cast<Coding>(i);
    const int weight = standings[i].weight;
    // Nobody need say that they accept identity; unsaid, it is the last resort.
    if (weight > 0 || (weight < 0 && coding == Coding::kIdentity)) {
      accepted.order_[accepted.count_++] = coding;
    }
  }
  std::sort(
      accepted.order_.begin(), accepted.order_.begin() + accepted.count_, [&](Coding a, Coding b) {
        const Standing& left = standings[static_cast<size_t>(a)];
        const Standing& right = standings[static_cast<size_t>(b)];
        return left.weight != right.weight ? left.weight > right.weight : left.rank < right.rank;
      });
  return accepted;
}

bool AcceptedCodings::Allows(Coding coding) const {
  return std::find(begin(), end(), coding) != end();
}

// What comes out, up to a size.
class Compressor::Output {
 public:
  explicit Output(size_t max_size) : max_size_(max_size) {}

  bool Add(const void* bytes, size_t size) {
    if (size > max_size_ - bytes_.size()) return false;
    bytes_.append(static_cast<const char*>(bytes), size);
    return true;
  }
  std::string& bytes() { return bytes_; }
  bool takes_any_size() const { return max_size_ == kAnySize; }

 private:
  const size_t max_size_;
  std::string bytes_;
};

// One library behind one interface.
class Compressor::Codec {
 public:
  virtual ~Codec() = default;
  enum class Then { kMore, kFlush, kEnd };
  // Takes all of `input`; with kFlush, all that it gives comes out now. Returns false when the
  // output is full or the library failed.
  virtual bool Feed(std::string_view input, Then then, Output& output) = 0;
};

namespace {

using Buffer = std::array<uint8_t, 16 << 10>;

class GzipCodec final : public Compressor::Codec {
 public:
  explicit GzipCodec(int level) {
    constexpr int kGzipWindow = 15 + 16;
    constexpr int kMemoryLevel = 8;
    good_ = deflateInit2(&stream_, level, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                         Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~GzipCodec() override { deflateEnd(&stream_); }

  bool Feed(std::string_view input, Then then, Compressor::Output& output) override {
    if (!good_) return false;
    Buffer buffer;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream_.avail_in = static_cast<uInt>(input.size());
    const int flush = then == Then::kEnd     ? Z_FINISH
                      : then == Then::kFlush ? Z_SYNC_FLUSH
                                             : Z_NO_FLUSH;
    while (true) {
      stream_.next_out = buffer.data();
      stream_.avail_out = static_cast<uInt>(buffer.size());
      const int result = deflate(&stream_, flush);
      if (!output.Add(buffer.data(), buffer.size() - stream_.avail_out)) return false;
      if (then == Then::kEnd ? result == Z_STREAM_END : stream_.avail_out > 0) return true;
      if (result != Z_OK) return false;
    }
  }

 private:
  z_stream stream_{};
  bool good_ = false;
};

class ZstdCodec final : public Compressor::Codec {
 public:
  // Knowing the size, it makes tables no larger than the body needs. The windows of its lower
  // levels stay below the 8 MiB that every client takes (RFC 9659).
  ZstdCodec(int level, size_t body_size) : context_(ZSTD_createCCtx()) {
    good_ = context_ != nullptr &&
            !ZSTD_isError(ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level)) &&
            !ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(context_, body_size));
  }
  ~ZstdCodec() override { ZSTD_freeCCtx(context_); }

  bool Feed(std::string_view input, Then then, Compressor::Output& output) override {
    if (!good_) return false;
    Buffer buffer;
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    const ZSTD_EndDirective directive = then == Then::kEnd     ? ZSTD_e_end
                                        : then == Then::kFlush ? ZSTD_e_flush
                                                               : ZSTD_e_continue;
    while (true) {
      ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
      const size_t left = ZSTD_compressStream2(context_, &out, &in, directive);
      if (ZSTD_isError(left) || !output.Add(buffer.data(), out.pos)) return false;
      if (then == Then::kMore ? in.pos == in.size : left == 0) return true;
    }
  }

 private:
  ZSTD_CCtx* const context_;
  bool good_ = false;
};

class BrotliCodec final : public Compressor::Codec {
 public:
  BrotliCodec(int level, size_t body_size)
      : state_(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr)) {
    if (state_ == nullptr) return;
    uint32_t window = BROTLI_MIN_WINDOW_BITS;
    while (window < BROTLI_DEFAULT_WINDOW && (size_t{1} << window) < body_size + 16) ++window;
    BrotliEncoderSetParameter(state_, BROTLI_PARAM_QUALITY, static_cast<uint32_t>(level));
    BrotliEncoderSetParameter(state_, BROTLI_PARAM_LGWIN, window);
    BrotliEncoderSetParameter(state_, BROTLI_PARAM_SIZE_HINT,
                              static_cast<uint32_t>(std::min<size_t>(body_size, 1u << 30)));
  }
  ~BrotliCodec() override { BrotliEncoderDestroyInstance(state_); }

  bool Feed(std::string_view input, Then then, Compressor::Output& output) override {
    if (state_ == nullptr) return false;
    const BrotliEncoderOperation operation = then == Then::kEnd     ? BROTLI_OPERATION_FINISH
                                             : then == Then::kFlush ? BROTLI_OPERATION_FLUSH
                                                                    : BROTLI_OPERATION_PROCESS;
    size_t in_size = input.size();
    auto* in = reinterpret_cast<const uint8_t*>(input.data());
    while (true) {
      size_t no_room = 0;
      if (!BrotliEncoderCompressStream(state_, operation, &in_size, &in, &no_room, nullptr,
                                       nullptr)) {
        return false;
      }
      size_t size = 0;  // whatever there is
      const uint8_t* const bytes = BrotliEncoderTakeOutput(state_, &size);
      if (!output.Add(bytes, size)) return false;
      const bool ended = then != Then::kEnd || BrotliEncoderIsFinished(state_);
      if (in_size == 0 && ended && !BrotliEncoderHasMoreOutput(state_)) return true;
    }
  }

 private:
  BrotliEncoderState* const state_;
};

int LevelOf(Coding coding) {
  if (coding == Coding::kZstd) return Compressor::kZstdLevel;
  return coding == Coding::kBrotli ? Compressor::kBrotliLevel : Compressor::kGzipLevel;
}

std::unique_ptr<Compressor::Codec> MakeCodec(Coding coding, int level, size_t body_size) {
  if (coding == Coding::kZstd) return std::make_unique<ZstdCodec>(level, body_size);
  if (coding == Coding::kBrotli) return std::make_unique<BrotliCodec>(level, body_size);
  return std::make_unique<GzipCodec>(level);
}

}  // namespace

Compressor::Compressor(Coding coding, std::string_view body, size_t max_size)
    : Compressor(coding, LevelOf(coding), body, max_size) {}

Compressor::Compressor(Coding coding, int level, std::string_view body, size_t max_size)
    : codec_(MakeCodec(coding, level, body.size())),
      rest_(body),
      output_(std::make_unique<Output>(max_size)) {}

Compressor::~Compressor() = default;

Compressor::State Compressor::Step() {
  const std::string_view input = rest_.substr(0, kStepBytes);
  rest_.remove_prefix(input.size());
  taken_ += input.size();
  const bool last = rest_.empty();
  const bool judge = !last && taken_ == kTrialBytes && !output_->takes_any_size();
  using Then = Codec::Then;
  const Then then = last ? Then::kEnd : judge ? Then::kFlush : Then::kMore;
  if (!codec_->Feed(input, then, *output_)) return State::kTooLarge;
  if (judge && output_->bytes().size() > WorthwhileSize(taken_)) return State::kTooLarge;
  return last ? State::kDone : State::kMore;
}

std::string Compressor::Take() { return std::move(output_->bytes()); }

}  // namespace ds

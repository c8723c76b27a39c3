#ifndef GATEWAY_PROTOCOL_COMPRESSION_H_
#define GATEWAY_PROTOCOL_COMPRESSION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

// Content codings of response bodies (RFC 9110 section 8.4).

namespace ds {

enum class Coding : uint8_t { kIdentity, kZstd, kBrotli, kGzip };

// As Content-Encoding has it; empty for kIdentity.
constexpr std::string_view CodingName(Coding coding) {
  switch (coding) {
    case Coding::kZstd:
      return "zstd";
    case Coding::kBrotli:
      return "br";
    case Coding::kGzip:
      return "gzip";
    case Coding::kIdentity:
      break;
  }
  return {};
}

// The codings that a client accepts, the one to use first.
class AcceptedCodings {
 public:
  // What the field Accept-Encoding says (RFC 9110 section 12.5.3); nothing: the field was not sent.
  // The client's weights decide, then our preference: zstd, br, gzip, identity. What only `*`
  // allows comes after what is named, gzip first, which every client knows. An item whose weight
  // is malformed does not count.
  static AcceptedCodings Parse(std::optional<std::string_view> accept_encoding);
  // Of a server that does not compress: identity, whatever the client says.
  static AcceptedCodings IdentityOnly();

  // Empty where the client refuses all that there are, identity among them.
  bool empty() const { return count_ == 0; }
  // REQUIRES: !empty().
  Coding best() const { return order_[0]; }
  bool Allows(Coding coding) const;

  const Coding* begin() const { return order_.data(); }
  const Coding* end() const { return order_.data() + count_; }

 private:
  std::array<Coding, 4> order_ = {};
  size_t count_ = 0;
};

// Compresses one body step by step, so that a thread that has other things to do never waits for
// long: a step takes at most kStepBytes of the body. Not thread-safe.
class Compressor {
 public:
  static constexpr size_t kStepBytes = 64 << 10;
  static constexpr size_t kAnySize = std::string::npos;
  // What is used for answers; docs/measurements.md has the figures behind it.
  static constexpr int kZstdLevel = 3;
  static constexpr int kBrotliLevel = 2;
  static constexpr int kGzipLevel = 1;

  enum class State {
    kMore,     // call Step again
    kDone,     // the result can be taken
    kTooLarge  // it does not become small enough, or the library failed
  };

  // `body` must remain live. `max_size` is that of the result; unless it is kAnySize, a body that
  // does not shrink by a tenth is given up early. REQUIRES: `coding` is not kIdentity.
  Compressor(Coding coding, std::string_view body, size_t max_size);
  Compressor(Coding coding, int level, std::string_view body, size_t max_size);
  ~Compressor();

  State Step();
  // REQUIRES: the last Step returned kDone.
  std::string Take();

  class Codec;
  class Output;

 private:
  std::unique_ptr<Codec> codec_;
  std::string_view rest_;
  size_t taken_ = 0;
  std::unique_ptr<Output> output_;
};

// The size up to which compressing a body of `size` bytes pays: a tenth less.
constexpr size_t WorthwhileSize(size_t size) { return size - size / 10; }

}  // namespace ds

#endif  // GATEWAY_PROTOCOL_COMPRESSION_H_

#include "gateway/protocol/compression.h"

#include <vector>

#include "brotli/decode.h"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"
#include "zlib.h"
#include "zstd.h"

namespace ds {
namespace {

constexpr Coding kCompressing[] = {Coding::kZstd, Coding::kBrotli, Coding::kGzip};

std::string Codings(std::optional<std::string_view> accept_encoding) {
  std::string names;
  for (const Coding coding : AcceptedCodings::Parse(accept_encoding)) {
    if (!names.empty()) names += ' ';
    names += coding == Coding::kIdentity ? "identity" : CodingName(coding);
  }
  return names;
}

TEST(AcceptedCodings, WithoutTheFieldIdentity) {
  EXPECT_EQ(Codings(std::nullopt), "identity");
  EXPECT_EQ(Codings(""), "identity");
  EXPECT_EQ(Codings("deflate, compress"), "identity");
}

TEST(AcceptedCodings, OurPreferenceDecidesBetweenEquals) {
  EXPECT_EQ(Codings("gzip, deflate, br, zstd"), "zstd br gzip identity");
  EXPECT_EQ(Codings("identity, gzip"), "gzip identity");
}

TEST(AcceptedCodings, WeightsDecideFirst) {
  EXPECT_EQ(Codings("zstd;q=0.1, br;q=1.0, gzip;q=0.5"), "br gzip zstd identity");
  EXPECT_EQ(Codings("gzip;q=0.5, identity"), "identity gzip");
  EXPECT_EQ(Codings("gzip;q=0.001, br;q=0.002"), "br gzip identity");
}

TEST(AcceptedCodings, NamesAndWeightsInAnyLetterCaseAndWithSpaces) {
  EXPECT_EQ(Codings("GZIP;Q=1"), "gzip identity");
  EXPECT_EQ(Codings("\tX-Gzip ; q=0.5 ,, Br;Q=0.8 , "), "br gzip identity");
  EXPECT_EQ(Codings("IDENTITY;q=0, ZStd"), "zstd");
}

TEST(AcceptedCodings, AWeightOfZeroRefuses) {
  for (const char* zero : {"0", "0.", "0.0", "0.00", "0.000"}) {
    EXPECT_EQ(Codings(std::string("gzip;q=") + zero), "identity") << zero;
  }
  EXPECT_EQ(Codings("gzip, identity;q=0"), "gzip");
  EXPECT_EQ(Codings("identity;q=0"), "");
  EXPECT_EQ(Codings("*;q=0"), "");
  EXPECT_EQ(Codings("br, *;q=0"), "br");
  EXPECT_EQ(Codings("identity, *;q=0"), "identity");
}

TEST(AcceptedCodings, TheAsteriskStandsForWhatIsNotNamed) {
  EXPECT_EQ(Codings("*"), "gzip zstd br identity");
  EXPECT_EQ(Codings("gzip;q=0, *"), "zstd br identity");
  EXPECT_EQ(Codings("br, *"), "br gzip zstd identity");
  EXPECT_EQ(Codings("br;q=0.5, *;q=0.1"), "br gzip zstd identity");
}

TEST(AcceptedCodings, MalformedWeightsDoNotCount) {
  for (const char* bad : {"2", "1.5", "-1", "0,5", "0.1234", "x", "", ".5", "1.001", "0x1"}) {
    EXPECT_EQ(Codings(std::string("gzip;q=") + bad + ", br"), "br identity") << bad;
  }
  EXPECT_EQ(Codings("gzip;q=1.000"), "gzip identity");
  EXPECT_EQ(Codings("gzip;level=9;q=0.5"), "gzip identity");
}

std::optional<std::string> Compressed(Coding coding, std::string_view body, size_t max_size) {
  Compressor compressor(coding, body, max_size);
  Compressor::State state = Compressor::State::kMore;
  while (state == Compressor::State::kMore) state = compressor.Step();
  if (state != Compressor::State::kDone) return std::nullopt;
  return compressor.Take();
}

std::string Gunzip(const std::string& bytes, size_t size) {
  std::string out(size + 1, '\0');
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0u);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

std::string Decompressed(Coding coding, const std::string& bytes, size_t size) {
  if (coding == Coding::kGzip) return Gunzip(bytes, size);
  std::string out(size + 1, '\0');
  size_t written = out.size();
  if (coding == Coding::kZstd) {
    written = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
    EXPECT_FALSE(ZSTD_isError(written));
  } else {
    EXPECT_EQ(BrotliDecoderDecompress(bytes.size(), reinterpret_cast<const uint8_t*>(bytes.data()),
                                      &written, reinterpret_cast<uint8_t*>(out.data())),
              BROTLI_DECODER_RESULT_SUCCESS);
  }
  out.resize(written);
  return out;
}

std::string Noise(size_t size) {
  std::string noise;
  for (uint32_t x = 1; noise.size() < size;) {
    noise.push_back(static_cast<char>((x = x * 1664525 + 1013904223) >> 24));
  }
  return noise;
}

std::string Words(size_t size) {
  std::string words;
  for (uint32_t x = 1; words.size() < size;) {
    x = x * 1664525 + 1013904223;
    words += "word" + std::to_string(x >> 22) + ' ';
  }
  words.resize(size);
  return words;
}

TEST(Compressor, WhatComesOutIsTheBody) {
  for (const Coding coding : kCompressing) {
    for (const size_t size :
         {size_t{0}, size_t{1}, size_t{1000}, Compressor::kStepBytes - 1, Compressor::kStepBytes,
          Compressor::kStepBytes + 1, 3 * Compressor::kStepBytes + 7, size_t{2} << 20}) {
      const std::string body = Words(size);
      const std::optional<std::string> small = Compressed(coding, body, size + 100);
      ASSERT_TRUE(small) << CodingName(coding) << size;
      EXPECT_EQ(Decompressed(coding, *small, size), body) << CodingName(coding) << size;
      if (size > 1000) {
        EXPECT_LT(small->size(), size / 2) << CodingName(coding);
      }
    }
  }
}

TEST(Compressor, AnyBytesComeBack) {
  rc::check([](const std::string& body, uint8_t times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += body;
    for (const Coding coding : kCompressing) {
      const auto packed = Compressed(coding, all, all.size() * 2 + 100);
      RC_ASSERT(packed.has_value());
      RC_ASSERT(Decompressed(coding, *packed, all.size()) == all);
    }
  });
}

TEST(Compressor, GivesUpWhereItDoesNotPay) {
  for (const Coding coding : kCompressing) {
    const std::string noise = Noise(5000);
    EXPECT_FALSE(Compressed(coding, noise, WorthwhileSize(noise.size()))) << CodingName(coding);
  }
}

TEST(Compressor, GivesUpEarly) {
  const std::string noise = Noise(4 << 20);
  for (const Coding coding : kCompressing) {
    Compressor compressor(coding, noise, WorthwhileSize(noise.size()));
    int steps = 1;
    while (compressor.Step() == Compressor::State::kMore) ++steps;
    EXPECT_EQ(steps, 4) << CodingName(coding);
  }
}

TEST(Compressor, AStepTakesABoundedPartOfTheBody) {
  const std::string body = Words(1 << 20);
  for (const Coding coding : kCompressing) {
    Compressor compressor(coding, body, body.size());
    size_t steps = 1;
    while (compressor.Step() == Compressor::State::kMore) ++steps;
    EXPECT_EQ(steps, body.size() / Compressor::kStepBytes) << CodingName(coding);
  }
}

}  // namespace
}  // namespace ds

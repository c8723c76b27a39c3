#include "gateway/protocol/content_coding.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"
#include "storage/api/errors.h"

namespace ds {
namespace {

// `format`: zlib's window bits, 31 for gzip and 15 for zlib's own.
std::string Encode(std::string_view text, int format = 31) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, format, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

absl::StatusOr<std::string> Decode(std::string_view encoded, uint64_t max_size = 1u << 30,
                                   ContentCoding coding = ContentCoding::kGzip) {
  BodyDecoder decoder(coding, encoded, max_size);
  while (!decoder.done()) {
    const absl::Status status = decoder.Step();
    EXPECT_LE(decoder.decoded_size(), max_size + BodyDecoder::kStepBytes);
    if (!status.ok()) return status;
  }
  EXPECT_LE(decoder.decoded_size(), max_size);
  return decoder.TakeDecoded();
}

ErrorCode Refusal(std::string_view encoded, uint64_t max_size = 1u << 30) {
  const absl::StatusOr<std::string> decoded = Decode(encoded, max_size);
  EXPECT_FALSE(decoded.ok());
  return decoded.ok() ? ErrorCode::kInternal : GetErrorCode(decoded.status());
}

TEST(ContentCoding, NamesOfOneCoding) {
  for (const char* list :
       {"gzip", "GZip", "x-gzip", "identity, gzip", "gzip ,, identity", " gzip\t"}) {
    EXPECT_EQ(*ParseContentEncoding(list), ContentCoding::kGzip) << list;
  }
  for (const char* list : {"", "identity", "Identity, identity", " , "}) {
    EXPECT_EQ(*ParseContentEncoding(list), ContentCoding::kIdentity) << list;
  }
  EXPECT_EQ(*ParseContentEncoding("deflate"), ContentCoding::kDeflate);
}

TEST(ContentCoding, UnknownAndSeveralCodingsAreRefused) {
  for (const char* list : {"zip", "gzip, gzip", "deflate, gzip", "gzip;q=1", "gzip gzip", "*",
                           "gzi", "gzipp", "identity;q=0", "chunked", "GZ\xc9P"}) {
    EXPECT_EQ(GetErrorCode(ParseContentEncoding(list).status()), ErrorCode::kUnsupportedEncoding)
        << list;
  }
}

RC_GTEST_PROP(ContentCoding, WhatIsEncodedIsDecoded,
              (const std::vector<std::string>& parts, bool deflate)) {
  std::string all;
  std::string encoded;
  for (const std::string& part : parts) {
    all += part;
    encoded += Encode(part);
  }
  if (deflate || parts.empty()) {
    RC_ASSERT(*Decode(Encode(all, 15), all.size(), ContentCoding::kDeflate) == all);
  } else {
    RC_ASSERT(*Decode(encoded, all.size()) == all);
  }
}

TEST(ContentCoding, LargeBodiesComeInStepsAndWhole) {
  std::string large;
  for (int i = 0; large.size() < (5u << 20); ++i) large += std::to_string(i * 7919) + ";";
  EXPECT_TRUE(*Decode(Encode(large), large.size()) == large);
  const std::string same(9'000'001, 'x');
  EXPECT_TRUE(*Decode(Encode(same), same.size()) == same);
}

TEST(ContentCoding, MembersWithoutContentDoNotMakeOneLongStep) {
  std::string encoded;
  while (encoded.size() < 4 * BodyDecoder::kStepBytes) encoded += Encode("");
  encoded += Encode("x");
  BodyDecoder decoder(ContentCoding::kGzip, encoded, 10);
  int steps = 0;
  while (!decoder.done()) {
    ASSERT_TRUE(decoder.Step().ok());
    ++steps;
  }
  EXPECT_GE(steps, 5);
  EXPECT_EQ(decoder.TakeDecoded(), "x");
}

TEST(ContentCoding, TheLimitHoldsToTheByte) {
  const std::string encoded = Encode(std::string(1'000'000, 'x'));
  EXPECT_EQ(Decode(encoded, 1'000'000)->size(), 1'000'000u);
  EXPECT_EQ(Refusal(encoded, 999'999), ErrorCode::kPayloadTooLarge);
  EXPECT_EQ(Refusal(encoded, 0), ErrorCode::kPayloadTooLarge);
  EXPECT_EQ(Decode(Encode(""), 0)->size(), 0u);
}

TEST(ContentCoding, WhateverIsCutOffIsRefused) {
  const std::string encoded =
      Encode("some text that is long enough to be encoded, encoded, encoded");
  for (size_t size = 0; size < encoded.size(); ++size) {
    EXPECT_EQ(Refusal(encoded.substr(0, size)), ErrorCode::kBadRequest) << size;
  }
}

RC_GTEST_PROP(ContentCoding, DamageIsRefusedOrHarmless, (const std::string& text)) {
  const std::string encoded = Encode(text);
  std::string damaged = encoded;
  const auto at = *rc::gen::inRange<size_t>(0, encoded.size());
  damaged[at] = static_cast<char>(damaged[at] ^ *rc::gen::inRange(1, 256));
  const absl::StatusOr<std::string> decoded = Decode(damaged);
  // Some bits say nothing of the content: the time, the system and the level in the header, and the
  // padding behind the last block.
  if (decoded.ok()) {
    RC_ASSERT(*decoded == text);
  } else {
    RC_ASSERT(GetErrorCode(decoded.status()) == ErrorCode::kBadRequest);
  }
}

TEST(ContentCoding, NothingMayStandBehindTheEnd) {
  EXPECT_EQ(Refusal(Encode("x") + "y"), ErrorCode::kBadRequest);
  EXPECT_EQ(Refusal(Encode("x") + std::string(1, '\0')), ErrorCode::kBadRequest);
  EXPECT_FALSE(Decode(Encode("x", 15) + Encode("y", 15), 100, ContentCoding::kDeflate).ok());
}

TEST(ContentCoding, EachCodingTakesItsOwnFormatOnly) {
  EXPECT_FALSE(Decode(Encode("x", 15), 100, ContentCoding::kGzip).ok());
  EXPECT_FALSE(Decode(Encode("x", 31), 100, ContentCoding::kDeflate).ok());
}

}  // namespace
}  // namespace ds

#include "gateway/protocol/content_coding.h"

#include <algorithm>
#include <utility>

#include "storage/api/errors.h"

namespace ds {
namespace {

// How much text and JSON shrink, about: the first piece usually has room for all.
constexpr size_t kUsualRatio = 6;
constexpr size_t kMinPieceBytes = 1024;

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool IsCoding(std::string_view item, std::string_view name) {
  return item.size() == name.size() &&
         std::equal(item.begin(), item.end(), name.begin(), [](char a, char b) {
           return a == b || (a >= 'A' && a <= 'Z' && (a | 0x20) == b);
         });
}

}  // namespace

absl::StatusOr<ContentCoding> ParseContentEncoding(std::string_view list) {
  ContentCoding coding = ContentCoding::kIdentity;
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    const std::string_view item = Trim(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    if (item.empty() || IsCoding(item, "identity")) continue;
    if (coding != ContentCoding::kIdentity) {
      return MakeError(ErrorCode::kUnsupportedEncoding, "a body may be encoded once");
    }
    if (IsCoding(item, "gzip") || IsCoding(item, "x-gzip")) {
      coding = ContentCoding::kGzip;
    } else if (IsCoding(item, "deflate")) {
      coding = ContentCoding::kDeflate;
    } else {
      return MakeError(ErrorCode::kUnsupportedEncoding);
    }
  }
  return coding;
}

BodyDecoder::BodyDecoder(ContentCoding coding, std::string_view encoded, uint64_t max_size)
    : gzip_(coding == ContentCoding::kGzip),
      rest_(encoded),
      max_size_(max_size),
      next_piece_bytes_(std::clamp(encoded.size() * kUsualRatio, kMinPieceBytes, kStepBytes)) {
  constexpr int kGzipWindow = MAX_WBITS + 16;
  ready_ = inflateInit2(&stream_, gzip_ ? kGzipWindow : MAX_WBITS) == Z_OK;
}

BodyDecoder::~BodyDecoder() {
  if (ready_) inflateEnd(&stream_);
}

absl::Status BodyDecoder::Step() {
  if (!ready_) return MakeError(ErrorCode::kOverloaded, "no memory to decode the body");
  std::string piece(next_piece_bytes_, '\0');
  next_piece_bytes_ = std::min(2 * next_piece_bytes_, kStepBytes);
  size_t filled = 0;
  absl::Status status = Fill(piece.data(), piece.size(), filled);
  if (!status.ok()) return status;
  decoded_size_ += filled;
  if (decoded_size_ > max_size_) {
    return MakeError(ErrorCode::kPayloadTooLarge, "the decoded body is too large");
  }
  piece.resize(filled);
  if (filled > 0) pieces_.push_back(std::move(piece));
  return absl::OkStatus();
}

absl::Status BodyDecoder::Fill(char* out, size_t room, size_t& filled) {
  const auto bad = [this](const char* why) {
    return MakeError(
        ErrorCode::kBadRequest,
        std::string(gzip_ ? "the body is not valid gzip: " : "the body is not valid deflate: ") +
            why);
  };
  stream_.next_out = reinterpret_cast<Bytef*>(out);
  stream_.avail_out = static_cast<uInt>(room);
  // Members without content are work, too.
  size_t input = std::min(rest_.size(), kStepBytes);
  while (stream_.avail_out > 0 && !done_) {
    if (input == 0 && !rest_.empty()) break;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(rest_.data()));
    stream_.avail_in = static_cast<uInt>(input);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    rest_.remove_prefix(input - stream_.avail_in);
    input = stream_.avail_in;
    if (result == Z_STREAM_END) {
      done_ = rest_.empty();
      if (done_) break;
      if (!gzip_) return bad("there is more behind its end");
      // Another member (RFC 1952 section 2.2).
      inflateReset(&stream_);
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return bad(stream_.msg != nullptr ? stream_.msg : "it is damaged");
    } else if (rest_.empty() && stream_.avail_out > 0) {
      return bad("it breaks off");
    }
  }
  filled = room - stream_.avail_out;
  return absl::OkStatus();
}

std::string BodyDecoder::TakeDecoded() {
  if (pieces_.size() == 1) {
    std::string whole = std::move(pieces_.front());
    if (whole.size() < whole.capacity() / 2) whole.shrink_to_fit();
    return whole;
  }
  std::string whole;
  whole.reserve(decoded_size_);
  for (std::string& piece : pieces_) {
    whole.append(piece);
    std::string().swap(piece);  // so that nothing is held twice
  }
  return whole;
}

}  // namespace ds

#include "storage/rpc/tokens.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "openssl/sha.h"

namespace ds::rpc {
namespace {

constexpr size_t kMinTokenBytes = 16;
constexpr size_t kMaxTokenBytes = 4096;
constexpr std::string_view kScheme = "Bearer ";

std::string Hash(std::string_view token) {
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(),
         reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadTokens(const std::string& file) {
  std::ifstream in(file);
  if (!in) return absl::InvalidArgumentError("cannot read " + file);
  std::vector<std::string> tokens;
  for (std::string line; std::getline(in, line);) {
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.pop_back();
    if (line.empty() || line[0] == '#') continue;
    const bool printable =
        std::all_of(line.begin(), line.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (!printable || line.size() < kMinTokenBytes || line.size() > kMaxTokenBytes) {
      return absl::InvalidArgumentError(
          file + ": a token is a line of 16 to 4,096 printable characters without spaces");
    }
    tokens.push_back(std::move(line));
  }
  if (tokens.empty()) return absl::InvalidArgumentError(file + " holds no token");
  return tokens;
}

absl::StatusOr<std::unique_ptr<Tokens>> Tokens::Load(const std::string& file) {
  std::unique_ptr<Tokens> tokens(new Tokens(file));
  const absl::Status loaded = tokens->Reload();
  if (!loaded.ok()) return loaded;
  return tokens;
}

absl::Status Tokens::Reload() {
  const absl::StatusOr<std::vector<std::string>> tokens = ReadTokens(file_);
  if (!tokens.ok()) return tokens.status();
  auto hashes = std::make_shared<std::vector<std::string>>();
  for (const std::string& token : *tokens) hashes->push_back(Hash(token));
  const std::lock_guard<std::mutex> lock(mutex_);
  hashes_ = std::move(hashes);
  return absl::OkStatus();
}

grpc::Status Tokens::Check(const grpc::ServerContext& context) const {
  const auto& metadata = context.client_metadata();
  const auto header = metadata.find(kTokenMetadata);
  if (header != metadata.end() && metadata.count(kTokenMetadata) == 1) {
    const std::string_view value(header->second.data(), header->second.size());
    if (value.starts_with(kScheme)) {
      std::shared_ptr<const std::vector<std::string>> hashes;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        hashes = hashes_;
      }
      const std::string hash = Hash(value.substr(kScheme.size()));
      if (std::find(hashes->begin(), hashes->end(), hash) != hashes->end()) {
        return grpc::Status::OK;
      }
    }
  }
  return {grpc::StatusCode::UNAUTHENTICATED, "the storage wants a token that it knows"};
}

}  // namespace ds::rpc

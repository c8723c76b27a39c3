#include "storage/engine/secret_store.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"

namespace ds {
namespace {

constexpr const char* kSecrets[] = {kSigningKeysKey, kTokenSecretKey};

}  // namespace

absl::StatusOr<std::optional<std::string>> SecretStore::Get(const char* key) {
  std::string value;
  const rocksdb::Status read = database_.Get(Family::kMeta, key, &value);
  if (read.IsNotFound()) return std::nullopt;
  if (!read.ok()) {
    return absl::DataLossError(
        absl::StrCat("the secret ", key, " cannot be read: ", read.ToString()));
  }
  if (!keys_.IsCurrent(value)) outdated_ = true;
  return keys_.Open(key, value);
}

void SecretStore::Put(rocksdb::WriteBatch& batch, const char* key,
                      const std::string& secret) const {
  batch.Put(database_.family(Family::kMeta), key, keys_.empty() ? secret : keys_.Seal(key, secret));
}

absl::Status SecretStore::Renew() {
  if (!outdated_) return absl::OkStatus();
  rocksdb::WriteBatch batch;
  for (const char* const key : kSecrets) {
    const absl::StatusOr<std::optional<std::string>> secret = Get(key);
    if (!secret.ok()) return secret.status();
    if (*secret) Put(batch, key, **secret);
  }
  rocksdb::Status status = database_.WriteSynced(batch);
  // The former values are in tables, and in the logs of all that was not flushed since.
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  for (size_t i = 0; i < kFamilyCount; ++i) {
    families.push_back(database_.family(static_cast<Family>(i)));
  }
  if (status.ok()) status = database_.db().Flush(rocksdb::FlushOptions(), families);
  rocksdb::CompactRangeOptions whole;
  whole.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  rocksdb::DB& db = database_.db();
  if (status.ok()) {
    status = db.CompactRange(whole, database_.family(Family::kMeta), nullptr, nullptr);
  }
  if (!status.ok()) {
    return absl::UnknownError(
        absl::StrCat("the secrets cannot be encrypted anew: ", status.ToString()));
  }
  outdated_ = false;
  spdlog::info("the secrets in the data directory are encrypted with the first of the keys now");
  return absl::OkStatus();
}

}  // namespace ds

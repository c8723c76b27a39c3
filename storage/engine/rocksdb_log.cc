#include "storage/engine/rocksdb_log.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>

#include "spdlog/spdlog.h"

namespace ds {
namespace {

constexpr size_t kMaxLine = 1000;

class SpdlogLogger final : public rocksdb::Logger {
 public:
  SpdlogLogger() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}

  using Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    Logv(rocksdb::InfoLogLevel::INFO_LEVEL, format, arguments);
  }
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    // Headers are a dump of all options at every start.
    if (level < GetInfoLogLevel() || level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
    std::array<char, kMaxLine> line;
    std::vsnprintf(line.data(), line.size(), format, arguments);
    std::string_view text(line.data());
    while (text.ends_with('\n')) text.remove_suffix(1);
    spdlog::log(
        level >= rocksdb::InfoLogLevel::ERROR_LEVEL ? spdlog::level::err : spdlog::level::warn,
        "rocksdb: {}", text);
  }
};

}  // namespace

std::shared_ptr<rocksdb::Logger> NewRocksdbLogger() { return std::make_shared<SpdlogLogger>(); }

}  // namespace ds

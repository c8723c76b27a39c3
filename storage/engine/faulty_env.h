#ifndef STORAGE_ENGINE_FAULTY_ENV_H_
#define STORAGE_ENGINE_FAULTY_ENV_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "rocksdb/env.h"

namespace ds {

// Files for tests: fails what it is told to fail; everything else reaches the real files.
class FaultyEnv final : public rocksdb::EnvWrapper {
 public:
  FaultyEnv() : EnvWrapper(rocksdb::Env::Default()) {}
  const char* Name() const override { return "FaultyEnv"; }

  rocksdb::Status NewWritableFile(const std::string& name,
                                  std::unique_ptr<rocksdb::WritableFile>* result,
                                  const rocksdb::EnvOptions& options) override {
    std::unique_ptr<rocksdb::WritableFile> file;
    rocksdb::Status status = EnvWrapper::NewWritableFile(name, &file, options);
    if (status.ok()) *result = std::make_unique<File>(*this, std::move(file));
    return status;
  }

  std::atomic<bool> fail_sync{false};
  std::atomic<bool> fail_append{false};

 private:
  class File final : public rocksdb::WritableFileWrapper {
   public:
    File(FaultyEnv& env, std::unique_ptr<rocksdb::WritableFile> file)
        : WritableFileWrapper(file.get()), env_(env), file_(std::move(file)) {}
    rocksdb::Status Append(const rocksdb::Slice& data) override {
      if (env_.fail_append) return rocksdb::Status::NoSpace("injected");
      return WritableFileWrapper::Append(data);
    }
    rocksdb::Status Append(const rocksdb::Slice& data,
                           const rocksdb::DataVerificationInfo& info) override {
      if (env_.fail_append) return rocksdb::Status::NoSpace("injected");
      return WritableFileWrapper::Append(data, info);
    }
    rocksdb::Status Sync() override {
      if (env_.fail_sync) return rocksdb::Status::IOError("injected");
      return WritableFileWrapper::Sync();
    }
    rocksdb::Status Fsync() override { return Sync(); }

   private:
    FaultyEnv& env_;
    std::unique_ptr<rocksdb::WritableFile> file_;
  };
};

}  // namespace ds

#endif  // STORAGE_ENGINE_FAULTY_ENV_H_

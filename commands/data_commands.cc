#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "commands/commands.h"
#include "commands/http_call.h"
#include "storage/engine/backup.h"
#include "storage/engine/checker.h"
#include "storage/engine/database.h"

// A server's data: docs/operations.md, "Backup" and "Check".

namespace ds {
namespace {

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}

void Print(const BackupInfo& info) {
  if (!info.damage.empty()) {
    std::printf("%u  DAMAGED  %s\n", info.id, info.damage.c_str());
    return;
  }
  std::printf("%u  %s  %u files  %llu bytes\n", info.id,
              absl::FormatTime(absl::RFC3339_sec, info.time, absl::UTCTimeZone()).c_str(),
              info.files, static_cast<unsigned long long>(info.bytes));
}

struct BackupOptions {
  std::string admin = "http://127.0.0.1:9464";
  std::string data_dir;
  std::string backup_dir;
  uint32_t keep = 0;
  bool list = false;
  bool verify = false;
};

int BackUpRunning(const std::string& admin) {
  HttpCall call;
  call.method = "POST";
  call.url = admin + "/backup";
  const HttpCall::Answer answer = call.Run();
  if (answer.status == 200) {
    std::fputs(answer.body.c_str(), stdout);
    return 0;
  }
  std::fprintf(stderr, "%s: %s\n", call.url.c_str(),
               answer.status == 0 ? answer.failure.c_str() : answer.body.c_str());
  return 1;
}

int Backup(const BackupOptions& options) {
  if (options.list || options.verify) {
    const auto backups = ListBackups(options.backup_dir, options.verify);
    if (!backups.ok()) return Fail(backups.status());
    size_t damaged = 0;
    for (const BackupInfo& info : *backups) {
      Print(info);
      if (!info.damage.empty()) ++damaged;
    }
    if (damaged == 0) return 0;
    std::fprintf(stderr, "%zu of %zu backups are damaged\n", damaged, backups->size());
    return 1;
  }
  if (options.data_dir.empty()) return BackUpRunning(options.admin);
  DatabaseOptions database;
  database.directory = options.data_dir;
  const auto opened = Database::Open(database);
  if (!opened.ok()) return Fail(opened.status());
  const auto made = MakeBackup(**opened, options.backup_dir, options.keep);
  if (!made.ok()) return Fail(made.status());
  Print(*made);
  return 0;
}

struct RestoreOptions {
  std::string backup_dir;
  std::string data_dir;
  uint32_t id = 0;
};

int Restore(const RestoreOptions& options) {
  const auto restored = RestoreBackup(options.backup_dir, options.id, options.data_dir);
  if (!restored.ok()) return Fail(restored.status());
  Print(*restored);
  return 0;
}

int Check(const std::string& directory) {
  const bool terminal = isatty(STDERR_FILENO) != 0;
  const auto report = CheckDirectory(
      directory, [](const std::string& problem) { std::printf("%s\n", problem.c_str()); },
      [terminal](uint64_t streams) {
        if (terminal) {
          std::fprintf(stderr, "\r%llu streams", static_cast<unsigned long long>(streams));
        }
      });
  if (terminal) std::fputc('\r', stderr);
  if (!report.ok()) return Fail(report.status());
  const auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "%llu streams, %llu records with %llu bytes, %llu producers, %llu subscriptions: "
      "%llu problems\n",
      number(report->streams), number(report->records), number(report->bytes),
      number(report->producers), number(report->subscriptions), number(report->problems));
  return report->problems == 0 ? 0 : 1;
}

}  // namespace

void AddDataCommands(CLI::App& app, std::function<int()>& chosen) {
  auto backup = std::make_shared<BackupOptions>();
  CLI::App* const make = app.add_subcommand(
      "backup", "Add a backup to those of a running server, or of a stopped one with --data-dir");
  make->add_option("--admin", backup->admin,
                   "admin listener of the running server, which has --backup-dir")
      ->capture_default_str();
  CLI::Option* const data =
      make->add_option("--data-dir", backup->data_dir, "directory of a server that is stopped");
  CLI::Option* const directory =
      make->add_option("--backup-dir", backup->backup_dir, "directory of its backups");
  data->needs(directory)->check(CLI::ExistingDirectory);
  make->add_option("--keep", backup->keep, "backups that stay, the newest; 0 for all")->needs(data);
  make->add_flag("--list", backup->list, "list the backups in --backup-dir instead")
      ->needs(directory);
  make->add_flag("--verify", backup->verify, "list them, and compare all checksums")
      ->needs(directory);
  make->callback([&chosen, backup] { chosen = [backup] { return Backup(*backup); }; });

  auto restore = std::make_shared<RestoreOptions>();
  CLI::App* const put_back = app.add_subcommand("restore", "Make a data directory from a backup");
  put_back->add_option("--backup-dir", restore->backup_dir, "directory of the backups")->required();
  put_back
      ->add_option("--data-dir", restore->data_dir, "directory to make; empty, or not there yet")
      ->required();
  put_back->add_option("--id", restore->id,
                       "which backup; 0 for the newest, which is refused when it is damaged");
  put_back->callback([&chosen, restore] { chosen = [restore] { return Restore(*restore); }; });

  auto checked = std::make_shared<std::string>();
  CLI::App* const check = app.add_subcommand(
      "check", "Verify the data directory of a stopped server, and say what is wrong with it");
  check->add_option("--data-dir", *checked, "the directory")
      ->required()
      ->check(CLI::ExistingDirectory);
  check->callback([&chosen, checked] { chosen = [checked] { return Check(*checked); }; });
}

}  // namespace ds

#ifndef SERVER_COMMAND_LINE_H_
#define SERVER_COMMAND_LINE_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/options.h"

namespace ds {

struct LogOptions {
  std::string level = "info";   // trace, debug, info, warning, error, critical, off
  std::string format = "auto";  // text, json; auto: text on a terminal, JSON lines otherwise
};

struct CommandLine {
  // Set: a command to run instead of a server; returns the exit code.
  std::function<int()> command;
  ServerOptions server;
  LogOptions log;
  // What was given and is not known, each by name; for the log.
  std::vector<std::string> warnings;
};

// Reads the program's arguments (without its name), with `environment` in the place of getenv.
// `environment_names` are those that begin with DS_, to find slips among them. Options come from
// flags, then from the environment (DS_DATA_DIR for --data-dir), then from the
// file that --config names (`data-dir = "..."` lines, TOML). On nothing to run (--help, --version,
// a mistake) returns nothing, with the text to print and the exit code.
std::optional<CommandLine> ParseCommandLine(
    const std::vector<std::string>& arguments,
    const std::function<const char*(const std::string&)>& environment,
    const std::vector<std::string>& environment_names, std::string& text, int& exit_code);

}  // namespace ds

#endif  // SERVER_COMMAND_LINE_H_

#ifndef COMMANDS_COMMANDS_H_
#define COMMANDS_COMMANDS_H_

#include <functional>

#include "CLI/CLI.hpp"

namespace ds {

// What the program does beside serving: `stream`, `backup`, `restore`, `check`, `new-api-key`,
// `new-url-secret`, `sign-url` and `rotate-signing-key`. Adds them to `app`; parsing sets `chosen`
// to the one that was named, which runs it and returns the program's exit code: 0, or 1 with the
// reason on standard error.
void AddCommands(CLI::App& app, std::function<int()>& chosen);

// Parts of it, one per file.
void AddStreamCommands(CLI::App& app, std::function<int()>& chosen);
void AddDataCommands(CLI::App& app, std::function<int()>& chosen);
void AddKeyCommands(CLI::App& app, std::function<int()>& chosen);
void AddUrlCommands(CLI::App& app, std::function<int()>& chosen);

}  // namespace ds

#endif  // COMMANDS_COMMANDS_H_

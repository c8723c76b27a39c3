#include "commands/commands.h"

namespace ds {

void AddCommands(CLI::App& app, std::function<int()>& chosen) {
  AddStreamCommands(app, chosen);
  AddDataCommands(app, chosen);
  AddKeyCommands(app, chosen);
  AddUrlCommands(app, chosen);
}

}  // namespace ds

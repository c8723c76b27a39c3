#ifndef SERVER_LOGGING_H_
#define SERVER_LOGGING_H_

#include "server/command_line.h"

namespace ds {

// Sets up the process' log on standard error: text, or one JSON object a line with `time`, `level`
// and `message`. Neither stream data nor credentials are ever passed to it.
void SetUpLogging(const LogOptions& options);

}  // namespace ds

#endif  // SERVER_LOGGING_H_

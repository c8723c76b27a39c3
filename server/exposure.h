#ifndef SERVER_EXPOSURE_H_
#define SERVER_EXPOSURE_H_

#include <string>
#include <vector>

#include "server/options.h"

namespace ds {

// Whether only this machine reaches an address: "127.0.0.1:4438", "unix:PATH".
bool IsLocal(const std::string& address);

// Whether clients of the public port are asked who they are.
inline bool Authenticates(const ServerOptions& options) {
  return !options.auth_config_file.empty() || !options.external_check.url.empty();
}

// Where the public port is when nobody has said so: reached from elsewhere only when clients are
// asked who they are.
std::string DefaultListen(const ServerOptions& options);

// What an operator should be told at a start of a public port that asks nobody who they are; empty:
// nothing. REQUIRES: `options.listen` is set.
std::string WhoMayDoAnything(const ServerOptions& options);

// What an operator should be told of a file with secrets that other users can read, in a sentence
// that names the flag that led to it; empty: nothing.
std::string WhyExposed(const std::string& flag, const std::string& file);

// That of all files with secrets that the options name.
std::vector<std::string> ExposedFiles(const ServerOptions& options);

}  // namespace ds

#endif  // SERVER_EXPOSURE_H_

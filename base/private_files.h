#ifndef BASE_PRIVATE_FILES_H_
#define BASE_PRIVATE_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace ds {

// Files that hold secrets are for their user alone. Thread-safe, as far as the files are not
// changed meanwhile.

// Has everything that the process makes from now on be for its user alone, whatever the umask that
// it was started with: files 0600, directories 0700. To be called before there are threads.
void MakeFilesPrivate();

// Makes `directory`, with what leads to it, or takes the rights of group and others from one that
// is there, from the files in it, and from all in those of its folders that are named in `folders`.
// A directory that others use too (it has the sticky bit, another owner, or folders beside those
// and lost+found) stays as it is. Returns what an operator should be told: that rights were taken
// away, or that there are some left; empty: nothing. Errors: Unknown when it cannot be made.
absl::StatusOr<std::string> MakePrivateDirectory(const std::string& directory,
                                                 const std::vector<std::string>& folders);

// Whether others than its user can read `file`, as "by its group" or "by everybody"; empty: nobody,
// or it cannot be looked at. A file of the superuser's may be read by its group: so are secrets
// given to a service that runs as somebody else.
std::string WhoElseReads(const std::string& file);

}  // namespace ds

#endif  // BASE_PRIVATE_FILES_H_

#ifndef STORAGE_RPC_TLS_FILES_H_
#define STORAGE_RPC_TLS_FILES_H_

#include <string>

namespace ds::rpc {

// PEM files for one side of the hop between gateway and storage. On the storage's side `ca_file`
// is that of the gateways, and makes their certificates required (mTLS); on the gateway's side it
// is that of the storage.
struct TlsFiles {
  std::string certificate_file;
  std::string key_file;
  std::string ca_file;

  bool any() const { return !certificate_file.empty() || !key_file.empty() || !ca_file.empty(); }
};

}  // namespace ds::rpc

#endif  // STORAGE_RPC_TLS_FILES_H_

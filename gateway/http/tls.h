#ifndef GATEWAY_HTTP_TLS_H_
#define GATEWAY_HTTP_TLS_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/http/transport.h"
#include "openssl/ssl.h"

namespace ds::http {

// The server's side of TLS 1.2 and 1.3, with the certificate and key of two PEM files. Offers
// HTTP/2 and HTTP/1.1 by ALPN (RFC 7301). Thread-safe.
class TlsServer {
 public:
  // Errors: InvalidArgument when a file cannot be read, or they do not belong together.
  static absl::StatusOr<std::unique_ptr<TlsServer>> Load(const std::string& certificate_file,
                                                         const std::string& key_file);

  // Reads both files again, for connections that come from now on. On an error what was there
  // stays in use.
  absl::Status Reload();

  const std::string& certificate_file() const { return certificate_file_; }
  const std::string& key_file() const { return key_file_; }
  // When the certificate in use ends.
  absl::Time expiry() const;
  uint64_t handshake_failures() const { return handshake_failures_; }

  // TLS on an accepted socket, which it takes over; the handshake is part of receiving and sending.
  // The server must outlive it.
  std::unique_ptr<Transport> MakeTransport(int socket);

 private:
  class TlsTransport;

  TlsServer(std::string certificate_file, std::string key_file)
      : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)) {}
  absl::StatusOr<std::shared_ptr<SSL_CTX>> MakeContext() const;

  const std::string certificate_file_;
  const std::string key_file_;
  std::atomic<uint64_t> handshake_failures_{0};
  mutable std::mutex mutex_;
  std::shared_ptr<SSL_CTX> context_;  // guarded by mutex_
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_TLS_H_

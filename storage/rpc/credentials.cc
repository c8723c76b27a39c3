#include "storage/rpc/credentials.h"

#include <fstream>

#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_credentials_options.h"

namespace ds::rpc {
namespace {

constexpr unsigned kRefreshSeconds = 1;

absl::Status CheckFiles(const TlsFiles& files) {
  if (files.certificate_file.empty() != files.key_file.empty()) {
    return absl::InvalidArgumentError("a certificate and its key go together");
  }
  for (const std::string& file : {files.certificate_file, files.key_file, files.ca_file}) {
    if (!file.empty() && !std::ifstream(file)) {
      return absl::InvalidArgumentError("cannot read " + file);
    }
  }
  return absl::OkStatus();
}

std::shared_ptr<grpc::experimental::CertificateProviderInterface> MakeProvider(
    const TlsFiles& files) {
  if (files.certificate_file.empty()) {
    return std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(files.ca_file,
                                                                                kRefreshSeconds);
  }
  return std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      files.key_file, files.certificate_file, files.ca_file, kRefreshSeconds);
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsFiles& files) {
  if (!files.any()) return grpc::InsecureServerCredentials();
  const absl::Status usable = CheckFiles(files);
  if (!usable.ok()) return usable;
  if (files.certificate_file.empty()) {
    return absl::InvalidArgumentError("a server's TLS needs a certificate and a key");
  }
  grpc::experimental::TlsServerCredentialsOptions options(MakeProvider(files));
  options.watch_identity_key_cert_pairs();
  if (!files.ca_file.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(
    const TlsFiles& files) {
  if (!files.any()) return grpc::InsecureChannelCredentials();
  const absl::Status usable = CheckFiles(files);
  if (!usable.ok()) return usable;
  if (files.ca_file.empty()) {
    return absl::InvalidArgumentError("TLS to the storage needs the authority of its certificate");
  }
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(MakeProvider(files));
  options.watch_root_certs();
  if (!files.certificate_file.empty()) options.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(options);
}

}  // namespace ds::rpc

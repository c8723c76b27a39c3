#include "gateway/http/tls.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "openssl/err.h"

namespace ds::http {
namespace {

// One TLS record (RFC 8446 section 5.1); small pieces are gathered up to this before encryption.
constexpr size_t kRecordBytes = 16 << 10;

// "http/1.1" and "h2", each behind its length, the preferred one first.
constexpr unsigned char kProtocols[] = "\x02h2\x08http/1.1";

std::string LastError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  char text[256];
  ERR_error_string_n(code, text, sizeof text);
  return code == 0 ? "unknown error" : text;
}

int SelectProtocol(SSL*, const unsigned char** selected, unsigned char* selected_size,
                   const unsigned char* offered, unsigned offered_size, void*) {
  unsigned char* choice = nullptr;
  if (SSL_select_next_proto(&choice, selected_size, kProtocols, sizeof kProtocols - 1, offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *selected = choice;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

class TlsServer::TlsTransport final : public Transport {
 public:
  // Takes `ssl` over.
  TlsTransport(SSL* ssl, std::shared_ptr<SSL_CTX> context, int socket, TlsServer& server)
      : ssl_(ssl), context_(std::move(context)), socket_(socket), server_(server) {}
  ~TlsTransport() override {
    SSL_free(ssl_);
    ::close(socket_);
  }

  ssize_t Receive(char* buffer, size_t size) override {
    receive_wants_writable_ = false;
    ERR_clear_error();
    const int count = SSL_read(ssl_, buffer, static_cast<int>(std::min<size_t>(size, 1 << 30)));
    if (count > 0) return count;
    switch (SSL_get_error(ssl_, count)) {
      case SSL_ERROR_WANT_READ:
        break;
      case SSL_ERROR_WANT_WRITE:
        receive_wants_writable_ = true;
        break;
      case SSL_ERROR_ZERO_RETURN:
        return 0;
      default:
        return Fail();
    }
    errno = EAGAIN;
    return -1;
  }

  ssize_t Send(const iovec* iovecs, size_t count) override {
    send_wants_readable_ = false;
    ssize_t sent = 0;
    size_t index = 0;
    size_t offset = 0;
    while (index < count) {
      const auto [data, size] = Gather(iovecs, count, index, offset);
      if (size == 0) break;
      ERR_clear_error();
      const int written = SSL_write(ssl_, data, static_cast<int>(size));
      if (written <= 0) {
        const int error = SSL_get_error(ssl_, written);
        if (error == SSL_ERROR_WANT_READ) {
          send_wants_readable_ = true;
        } else if (error != SSL_ERROR_WANT_WRITE) {
          return Fail();
        }
        if (sent > 0) return sent;
        errno = EAGAIN;
        return -1;
      }
      sent += written;
      for (auto left = static_cast<size_t>(written); left > 0;) {
        const size_t step = std::min(left, iovecs[index].iov_len - offset);
        left -= step;
        offset += step;
        if (offset == iovecs[index].iov_len) {
          ++index;
          offset = 0;
        }
      }
    }
    return sent;
  }

  void EndSending() override {
    ERR_clear_error();
    if (!failed_ && SSL_is_init_finished(ssl_)) SSL_shutdown(ssl_);
    ::shutdown(socket_, SHUT_WR);
  }

  int socket() const override { return socket_; }
  bool secure() const override { return true; }
  bool short_receive_means_empty() const override { return false; }
  bool receive_wants_writable() const override { return receive_wants_writable_; }
  bool send_wants_readable() const override { return send_wants_readable_; }

 private:
  ssize_t Fail() {
    if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST && !failed_) {
      constexpr char kAnswer[] =
          "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
          "This port speaks HTTPS only.\n";
      [[maybe_unused]] const ssize_t sent =
          ::send(socket_, kAnswer, sizeof kAnswer - 1, MSG_NOSIGNAL);
    }
    if (!SSL_is_init_finished(ssl_) && !failed_) ++server_.handshake_failures_;
    failed_ = true;
    ERR_clear_error();
    errno = ECONNRESET;
    return -1;
  }

  // The next bytes to encrypt, one record at most: where they stand, or copied together.
  static std::pair<const char*, size_t> Gather(const iovec* iovecs, size_t count, size_t index,
                                               size_t offset) {
    while (index < count && iovecs[index].iov_len == offset) {
      ++index;
      offset = 0;
    }
    if (index == count) return {nullptr, 0};
    const char* const begin = static_cast<const char*>(iovecs[index].iov_base) + offset;
    const size_t size = iovecs[index].iov_len - offset;
    if (size >= kRecordBytes || index + 1 == count) return {begin, std::min(size, kRecordBytes)};
    thread_local char gathered[kRecordBytes];
    size_t filled = 0;
    for (; index < count && filled < kRecordBytes; ++index, offset = 0) {
      const size_t take = std::min(iovecs[index].iov_len - offset, kRecordBytes - filled);
      std::memcpy(gathered + filled, static_cast<const char*>(iovecs[index].iov_base) + offset,
                  take);
      filled += take;
    }
    return {gathered, filled};
  }

  SSL* const ssl_;
  const std::shared_ptr<SSL_CTX> context_;
  const int socket_;
  TlsServer& server_;
  bool receive_wants_writable_ = false;
  bool send_wants_readable_ = false;
  bool failed_ = false;
};

absl::StatusOr<std::unique_ptr<TlsServer>> TlsServer::Load(const std::string& certificate_file,
                                                           const std::string& key_file) {
  std::unique_ptr<TlsServer> server(new TlsServer(certificate_file, key_file));
  const absl::Status loaded = server->Reload();
  if (!loaded.ok()) return loaded;
  return server;
}

absl::StatusOr<std::shared_ptr<SSL_CTX>> TlsServer::MakeContext() const {
  ERR_clear_error();
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // RFC 9113 section 9.2: forward secrecy and authenticated encryption only.
  SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  // Sessions are resumed by tickets, without a cache of ours.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context.get(), SelectProtocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file_.c_str()) != 1) {
    return absl::InvalidArgumentError("cannot use the certificate " + certificate_file_ + ": " +
                                      LastError());
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file_.c_str(), SSL_FILETYPE_PEM) != 1) {
    return absl::InvalidArgumentError("cannot use the key " + key_file_ + ": " + LastError());
  }
  if (SSL_CTX_check_private_key(context.get()) != 1) {
    return absl::InvalidArgumentError("the key " + key_file_ + " is not that of " +
                                      certificate_file_);
  }
  return context;
}

absl::Status TlsServer::Reload() {
  absl::StatusOr<std::shared_ptr<SSL_CTX>> context = MakeContext();
  if (!context.ok()) return context.status();
  const std::lock_guard<std::mutex> lock(mutex_);
  context_ = *std::move(context);
  return absl::OkStatus();
}

absl::Time TlsServer::expiry() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const X509* const certificate = SSL_CTX_get0_certificate(context_.get());
  std::tm time{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) {
    return absl::InfinitePast();
  }
  return absl::FromTM(time, absl::UTCTimeZone());
}

std::unique_ptr<Transport> TlsServer::MakeTransport(int socket) {
  std::shared_ptr<SSL_CTX> context;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    context = context_;
  }
  SSL* const ssl = SSL_new(context.get());
  SSL_set_fd(ssl, socket);
  SSL_set_accept_state(ssl);
  return std::make_unique<TlsTransport>(ssl, std::move(context), socket, *this);
}

}  // namespace ds::http

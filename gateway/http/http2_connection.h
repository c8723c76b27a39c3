#ifndef GATEWAY_HTTP_HTTP2_CONNECTION_H_
#define GATEWAY_HTTP_HTTP2_CONNECTION_H_

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "gateway/http/io_thread.h"
#include "gateway/http/peer_watch.h"
#include "gateway/http/server_shared.h"
#include "gateway/http/transport.h"
#include "nghttp2/nghttp2.h"

namespace ds::http {

class Http2Stream;

// One HTTP/2 connection (RFC 9113), over TLS or with prior knowledge: many exchanges at once.
// nghttp2 does frames, header compression and flow control; this class moves bytes, bounds what the
// peer may cost, and hands requests out. Lives on one IoThread, owned by itself while the socket is
// open and by its streams.
//
// What is to be sent is gathered until the end of the thread's turn, so that many small answers
// share one system call. The answers to one client are bounded by its flow control and by a buffer
// here, so a client that does not read holds up its own streams only.
class Http2Connection final : public Swept,
                              public Watched,
                              public std::enable_shared_from_this<Http2Connection> {
 public:
  // What a client begins with (RFC 9113 section 3.4).
  static constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

  // Takes over a connection on its thread. `received` begins with the preface. The connection owns
  // itself; what is returned is for tests.
  static std::shared_ptr<Http2Connection> Start(std::unique_ptr<Transport> transport, IoThread& io,
                                                std::shared_ptr<ServerShared> shared,
                                                std::string received);
  ~Http2Connection() override;

  void Sweep(SteadyTime now) override;
  void Shutdown() override { Close(); }
  bool evictable() const override { return true; }
  bool closed() const { return closed_; }
  void OnReady(const Ready& ready) override;

 private:
  friend class Http2Stream;

  Http2Connection(std::unique_ptr<Transport> transport, IoThread& io,
                  std::shared_ptr<ServerShared> shared);

  void Begin(std::string received);
  void Receive();
  // Goes on with receiving in a turn of its own.
  void ReceiveLater();
  // The peer sends nothing more: what it has asked for is answered, then the connection ends.
  void EndInput();
  // Feeds nghttp2 and starts the requests that are complete. Returns whether the connection lives.
  bool Take(std::string_view bytes);
  void FlushSoon();
  void Flush();
  // Sends what nghttp2 has for the peer, until the socket takes no more. False when it has failed.
  bool SendOut();
  // Ends requests that come too slowly.
  void SweepStreams(SteadyTime now);
  // All is said: ends our side, and drops what the peer still sends.
  void Linger();
  void Close();
  // Closes all streams without a word.
  void DropStreams();
  bool reading_paused() const;
  // Whether one more cheap frame of the peer's is bearable; else the connection is ended.
  bool Spend(double cost);
  Http2Stream* Find(int32_t id);

  // nghttp2's callbacks; `user_data` is the connection.
  static nghttp2_session_callbacks* Callbacks();
  static int OnBeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user_data);
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_size, const uint8_t* value, size_t value_size, uint8_t flags,
                      void* user_data);
  static int OnInvalidHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                             size_t name_size, const uint8_t* value, size_t value_size,
                             uint8_t flags, void* user_data);
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user_data);
  static int OnData(nghttp2_session*, uint8_t flags, int32_t id, const uint8_t* data, size_t size,
                    void* user_data);
  static int OnSent(nghttp2_session*, const nghttp2_frame* frame, void* user_data);
  static int OnStreamClose(nghttp2_session*, int32_t id, uint32_t error, void* user_data);

  std::unique_ptr<Transport> transport_;
  IoThread& io_;
  const std::shared_ptr<ServerShared> shared_;
  std::shared_ptr<Http2Connection> self_;  // while the socket is open
  nghttp2_session* session_ = nullptr;
  std::unordered_map<int32_t, std::shared_ptr<Http2Stream>> streams_;
  std::vector<std::shared_ptr<Http2Stream>> ready_;  // those that are to Advance
  size_t handling_ = 0;                              // exchanges whose handlers run

  std::string out_;  // serialized and not taken by the socket yet
  size_t out_offset_ = 0;
  bool flush_planned_ = false;
  bool taking_ = false;  // within nghttp2's receiving
  bool unread_ = false;  // the socket was not read to its end
  bool closed_ = false;
  bool peer_ended_ = false;  // all that the peer has sent is read
  bool goaway_sent_ = false;
  bool flooded_ = false;
  double control_budget_;
  SteadyTime budget_at_;
  SteadyTime idle_since_;
  uint64_t taken_ = 0;  // bytes that the socket has taken
  StallWatch stall_;
  Lingering lingering_;
  Probing probing_;
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_HTTP2_CONNECTION_H_

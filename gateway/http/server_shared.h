#ifndef GATEWAY_HTTP_SERVER_SHARED_H_
#define GATEWAY_HTTP_SERVER_SHARED_H_

#include <atomic>
#include <chrono>
#include <cstdint>

#include "gateway/http/limits.h"
#include "gateway/limits/body_budget.h"

namespace ds::http {

class Handler;
class TlsServer;

struct Timeouts {
  std::chrono::milliseconds head{15'000};   // from a request's first byte to the end of its head
  std::chrono::milliseconds body{60'000};   // without a byte of the body
  std::chrono::milliseconds idle{75'000};   // between requests
  std::chrono::milliseconds write{60'000};  // without a byte of the response taken by the peer
};

// Of one HTTP/2 connection.
struct Http2Limits {
  uint32_t max_streams = 250;  // at the same time
  // Frames that cost this side work and the peer nothing (resets, pings, settings, priorities, data
  // frames without data): so many at once, and so many more each second. Then the connection ends.
  double control_burst = 2'000;
  double control_per_second = 200;
};

// What all connections of a server share. Thread-safe where it changes.
struct ServerShared {
  Limits limits;
  Timeouts timeouts;
  uint64_t max_connections = 100'000;
  // Beyond that the oldest connection that nobody waits for is closed, and not the new one. For
  // servers with one thread.
  bool evicts = false;
  BodyBudget bodies;              // the memory of request bodies
  uint64_t min_body_rate = 1024;  // bytes per second that a large body has to come at; 0: any
  Handler* handler = nullptr;
  TlsServer* tls = nullptr;  // set: only TLS is spoken
  Http2Limits http2;

  std::atomic<uint64_t> connections{0};
  std::atomic<uint64_t> http2_connections{0};
  std::atomic<uint64_t> http2_streams{0};
  std::atomic<uint64_t> http2_floods{0};  // connections that were ended for one
  std::atomic<uint64_t> refused_connections{0};
  std::atomic<uint64_t> slow_bodies{0};  // that were refused for their rate
  std::atomic<bool> draining{false};
};

}  // namespace ds::http

#endif  // GATEWAY_HTTP_SERVER_SHARED_H_

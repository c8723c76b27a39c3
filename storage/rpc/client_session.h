#ifndef STORAGE_RPC_CLIENT_SESSION_H_
#define STORAGE_RPC_CLIENT_SESSION_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "proto/durablestreams/v1/stream_store.grpc.pb.h"

namespace ds::rpc {

// The gateway's side of one session, from the attempt to open it to its end. Driven by the thread
// that calls Run, through a completion queue of its own: gRPC's callback API takes a thread more
// on the way, which costs more than everything else here.
class ClientSession {
 public:
  // What happens to the session; called from Run.
  class Observer {
   public:
    virtual void OnOpened() = 0;
    virtual void OnReceived(durablestreams::v1::SessionResponse&& response) = 0;
    // The message was sent: the next one may begin.
    virtual void OnWritten() = 0;
    // The session is over. Returns whether a message is being sent; none may begin from now on.
    virtual bool OnEnding() = 0;

   protected:
    ~Observer() = default;
  };

  // Both must outlive the object. `token` goes along unless it is empty.
  ClientSession(durablestreams::v1::StreamStoreService::Stub& stub, Observer& observer,
                const std::string& token);
  ClientSession(const ClientSession&) = delete;

  // Opens the session and serves it until it ends, which it also does when it is not open after
  // `connect_timeout`. To be called once.
  grpc::Status Run(absl::Duration connect_timeout);

  // Ends the session soon. Thread-safe.
  void Cancel() { context_.TryCancel(); }

  // Sends `out`, and OnWritten tells when that is done; the session does not end before. gRPC
  // writes to the socket in here, so the caller holds no lock that others wait for. Thread-safe,
  // but for one message at a time. REQUIRES: opened, and not ending.
  void Write();
  durablestreams::v1::SessionRequest out;

  // Says that no message follows; otherwise as Write.
  void HalfClose();

 private:
  enum Tag : intptr_t { kStarted = 1, kOpened, kRead, kWritten, kFinished };
  using Stream = grpc::ClientAsyncReaderWriter<durablestreams::v1::SessionRequest,
                                               durablestreams::v1::SessionResponse>;

  static void* ToTag(Tag tag) { return reinterpret_cast<void*>(tag); }
  void Handle(Tag tag, bool ok);
  void End();
  void FinishIfQuiet();

  durablestreams::v1::StreamStoreService::Stub& stub_;
  Observer& observer_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<Stream> stream_;
  // Held while a message is handed over, so that its end is not handled before that has returned.
  std::mutex write_mutex_;

  // Run's thread only.
  durablestreams::v1::SessionResponse in_;
  grpc::Status status_;
  bool opened_ = false;
  bool ending_ = false;
  bool writing_ = false;  // when it ends: a message is on its way
  bool write_failed_ = false;
  bool finished_ = false;
};

}  // namespace ds::rpc

#endif  // STORAGE_RPC_CLIENT_SESSION_H_

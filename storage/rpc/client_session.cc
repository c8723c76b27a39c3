#include "storage/rpc/client_session.h"

#include <utility>

#include "storage/rpc/grpc_time.h"
#include "storage/rpc/tokens.h"

namespace ds::rpc {

ClientSession::ClientSession(durablestreams::v1::StreamStoreService::Stub& stub, Observer& observer,
                             const std::string& token)
    : stub_(stub), observer_(observer) {
  if (!token.empty()) context_.AddMetadata(kTokenMetadata, "Bearer " + token);
}

grpc::Status ClientSession::Run(absl::Duration connect_timeout) {
  const gpr_timespec connect_by = After(connect_timeout);
  // The connection makes progress while this thread looks at its queue, and only then: so it waits
  // for the connection here, instead of failing at once and trying later.
  context_.set_wait_for_ready(true);
  stream_ = stub_.PrepareAsyncSession(&context_, &queue_);
  stream_->StartCall(ToTag(kStarted));
  void* tag;
  bool ok;
  while (!finished_) {
    if (opened_ || ending_) {
      queue_.Next(&tag, &ok);
    } else if (queue_.AsyncNext(&tag, &ok, connect_by) == grpc::CompletionQueue::TIMEOUT) {
      Cancel();
      queue_.Next(&tag, &ok);
    }
    Handle(static_cast<Tag>(reinterpret_cast<intptr_t>(tag)), ok);
  }
  queue_.Shutdown();
  while (queue_.Next(&tag, &ok)) {
  }
  return status_;
}

void ClientSession::Handle(Tag tag, bool ok) {
  switch (tag) {
    case kStarted:
      if (!ok) return End();
      return stream_->ReadInitialMetadata(ToTag(kOpened));
    case kOpened:
      if (!ok) return End();
      opened_ = true;
      stream_->Read(&in_, ToTag(kRead));
      return observer_.OnOpened();
    case kRead:
      if (!ok) return End();
      observer_.OnReceived(std::move(in_));
      in_.Clear();
      return stream_->Read(&in_, ToTag(kRead));
    case kWritten: {
      const std::lock_guard<std::mutex> returned(write_mutex_);
    }
      if (ending_) {
        writing_ = false;
        return FinishIfQuiet();
      }
      if (ok) return observer_.OnWritten();
      // The read fails too, and ends the session; the observer does not know that nothing is on its
      // way any more.
      write_failed_ = true;
      return;
    case kFinished:
      finished_ = true;
      return;
  }
}

void ClientSession::End() {
  ending_ = true;
  writing_ = observer_.OnEnding() && !write_failed_;
  FinishIfQuiet();
}

void ClientSession::FinishIfQuiet() {
  if (!writing_) stream_->Finish(&status_, ToTag(kFinished));
}

void ClientSession::HalfClose() {
  const std::lock_guard<std::mutex> lock(write_mutex_);
  stream_->WritesDone(ToTag(kWritten));
}

void ClientSession::Write() {
  const std::lock_guard<std::mutex> lock(write_mutex_);
  stream_->Write(out, ToTag(kWritten));
}

}  // namespace ds::rpc

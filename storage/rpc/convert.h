#ifndef STORAGE_RPC_CONVERT_H_
#define STORAGE_RPC_CONVERT_H_

#include "absl/status/status.h"
#include "proto/durablestreams/v1/stream_store.pb.h"
#include "storage/api/types.h"

// Between the values of storage/api and the messages of the internal API. A message that makes no
// sense (an offset that is none) gives kBadRequest.

namespace ds::rpc {

namespace pb = durablestreams::v1;

absl::Status FromProto(pb::CreateRequest&& in, CreateRequest& out);
absl::Status FromProto(pb::AppendRequest&& in, AppendRequest& out);
absl::Status FromProto(const pb::ReadRequest& in, ReadRequest& out);
absl::Status FromProto(const pb::Position& in, ReadRequest& out);

pb::CreateRequest ToProto(CreateRequest&& in);
pb::AppendRequest ToProto(AppendRequest&& in);
pb::ReadRequest ToProto(const ReadRequest& in);

// The successful part of each result; errors travel as ErrorDetail.
pb::CreateResponse ToProto(const CreateResult& in);
pb::AppendResponse ToProto(const AppendResult& in);
pb::ReadResponse ToProto(ReadResult&& in);
pb::StreamInfo ToProto(const StreamInfo& in);
pb::ListResponse ToProto(const ListResult& in);
pb::TailEvent ToProto(const TailEvent& in);
pb::WatchResponse ToProto(const ChangeEvent& in);

CreateResult FromProto(const pb::CreateResponse& in);
AppendResult FromProto(const pb::AppendResponse& in);
ReadResult FromProto(pb::ReadResponse&& in);
StreamInfo FromProto(const pb::StreamInfo& in);
ListResult FromProto(const pb::ListResponse& in);
TailEvent FromProto(pb::TailEvent&& in);
ChangeEvent FromProto(const pb::WatchResponse& in);

pb::ErrorDetail ToErrorDetail(const absl::Status& status);
absl::Status FromErrorDetail(const pb::ErrorDetail& detail);

}  // namespace ds::rpc

#endif  // STORAGE_RPC_CONVERT_H_

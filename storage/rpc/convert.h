#ifndef STORAGE_RPC_CONVERT_H_
#define STORAGE_RPC_CONVERT_H_

#include <type_traits>

#include "absl/status/status.h"
#include "proto/durablestreams/v1/stream_store.pb.h"
#include "storage/api/path_pattern.h"
#include "storage/api/types.h"

// Between the values of storage/api and the messages of the internal API.
//
// What a client sends is judged here as a gateway judges what it is sent: by StreamPath,
// PathPattern and storage/core/request_checks.h. Errors: kInvalidPath, kInvalidOffset,
// kPayloadTooLarge for bodies of more than `max_body` bytes, kBadRequest for all else.

namespace ds::rpc {

namespace pb = durablestreams::v1;

absl::Status FromProto(pb::CreateRequest&& in, uint64_t max_body, CreateRequest& out);
absl::Status FromProto(pb::AppendRequest&& in, uint64_t max_body, AppendRequest& out);
absl::Status FromProto(pb::ReadRequest&& in, ReadRequest& out);
absl::Status FromProto(const pb::Position& in, ReadRequest& out);
absl::Status FromProto(pb::HeadRequest&& in, HeadRequest& out);
absl::Status FromProto(pb::DeleteRequest&& in, DeleteRequest& out);
absl::Status FromProto(pb::ListRequest&& in, ListRequest& out);
absl::Status TakePath(std::string* in, StreamPath& out);
absl::Status TakePattern(std::string* in, PathPattern& out);

pb::CreateRequest ToProto(CreateRequest&& in);
pb::AppendRequest ToProto(AppendRequest&& in);
pb::DeleteRequest ToProto(DeleteRequest&& in);
pb::ReadRequest ToProto(const ReadRequest& in);

// The successful part of each result; errors travel as ErrorDetail.
pb::CreateResponse ToProto(const CreateResult& in);
pb::AppendResponse ToProto(const AppendResult& in);
pb::DeleteResponse ToProto(const DeleteResult& in);
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

pb::StreamVersion ToProto(const StreamVersion& in);
StreamVersion FromProto(const pb::StreamVersion& in);

// A refused result: the error, and what the result says beside it.
template <typename Result>
pb::ErrorDetail ToRefusal(const Result& result) {
  pb::ErrorDetail detail = ToErrorDetail(result.status);
  if constexpr (std::is_same_v<Result, AppendResult>) *detail.mutable_append() = ToProto(result);
  if constexpr (requires { result.current; }) {
    if (result.current) *detail.mutable_version() = ToProto(*result.current);
  }
  return detail;
}

template <typename Result>
Result FromRefusal(const pb::ErrorDetail& detail) {
  Result result;
  if constexpr (std::is_same_v<Result, AppendResult>) result = FromProto(detail.append());
  if constexpr (requires { result.current; }) {
    if (detail.has_version()) result.current = FromProto(detail.version());
  }
  result.status = FromErrorDetail(detail);
  return result;
}

}  // namespace ds::rpc

#endif  // STORAGE_RPC_CONVERT_H_

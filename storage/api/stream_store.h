#ifndef STORAGE_API_STREAM_STORE_H_
#define STORAGE_API_STREAM_STORE_H_

#include <functional>
#include <memory>
#include <string>

#include "base/unique_function.h"
#include "storage/api/path_pattern.h"
#include "storage/api/subscriptions.h"
#include "storage/api/types.h"

namespace ds {

// Holds a subscription; destroying it ends it. After the destructor returns no call of the observer
// begins; one that runs on another thread at that moment may still be finishing.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

// Receives what is committed to one stream, in order and without gaps from the position that the
// subscription reported. Called on the store's own threads: must not block.
class TailObserver {
 public:
  virtual ~TailObserver() = default;
  virtual void OnTail(const TailEvent& event) = 0;
};

class WatchObserver {
 public:
  virtual ~WatchObserver() = default;
  virtual void OnChange(const ChangeEvent& event) = 0;
};

// The storage of streams: the one interface between the gateway and whatever keeps the data. Its
// implementations are the RocksDB engine in this process (storage/engine) and the client of a
// storage service (storage/rpc); storage/rpc/store_contract_test.cc holds for both.
//
// Every operation answers exactly once through its callback, either before the call returns or
// later on a thread of the store; callbacks must not block. Operations on one stream take effect in
// the order in which they were called. All methods are thread-safe. Errors are those of
// storage/api/errors.h, which say for each whether a write was applied.
class StreamStore {
 public:
  template <typename Result>
  using Callback = UniqueFunction<void(Result)>;

  virtual ~StreamStore() = default;

  // Section 5.1, and 4.2 for forks. A condition speaks as soon as it is known whether there is a
  // stream, and which. Errors: kStreamExists, kInvalidJson, kSourceNotFound, kSourceGone,
  // kInvalidOffset, kContentTypeMismatch, kPreconditionFailed.
  virtual void Create(CreateRequest request, Callback<CreateResult> done) = 0;

  // Sections 5.2 and 5.3: data, producer state and closure are committed together or not at all. A
  // condition is judged last: what would refuse the request without it speaks first, and a
  // producer's duplicate succeeds whatever its condition. Errors: kStreamNotFound, kStreamGone,
  // kStreamClosed, kContentTypeMismatch, kInvalidJson, kEmptyBody, kProducerFenced,
  // kProducerEpochSeq, kProducerSequenceGap, kSequenceRegression, kPreconditionFailed.
  virtual void Append(AppendRequest request, Callback<AppendResult> done) = 0;

  // Section 5.6; one piece, without waiting. Counts as a read for the sliding TTL.
  // Errors: kStreamNotFound, kStreamGone, kOffsetGone, kInvalidOffset.
  virtual void Read(ReadRequest request, Callback<ReadResult> done) = 0;

  // Section 5.5. Errors: kStreamNotFound, kStreamGone.
  virtual void Head(HeadRequest request, Callback<HeadResult> done) = 0;

  // Section 5.4; a stream with forks is kept for them. Errors: kStreamNotFound, kStreamGone,
  // kPreconditionFailed.
  virtual void Delete(DeleteRequest request, Callback<DeleteResult> done) = 0;

  virtual void List(ListRequest request, Callback<ListResult> done) = 0;

  // Sections 6 and 7. Errors: those that SubscriptionCall names.
  virtual void Subscriptions(SubscriptionCall call, Callback<SubscriptionAnswer> done) = 0;

  // Follows the stream at `path`. `ready` gets its state; every later commit reaches `observer`
  // (one that `ready` already covers may reach it too). Errors, through `ready`: as Head.
  virtual std::unique_ptr<Subscription> Tail(StreamPath path,
                                             std::shared_ptr<TailObserver> observer,
                                             Callback<HeadResult> ready) = 0;

  // Follows all streams that the pattern means. Changes before the call are not reported. Where
  // some were lost later, as while a storage could not be reached, the observer gets kLost before
  // what follows.
  virtual std::unique_ptr<Subscription> Watch(PathPattern pattern,
                                              std::shared_ptr<WatchObserver> observer) = 0;
};

}  // namespace ds

#endif  // STORAGE_API_STREAM_STORE_H_

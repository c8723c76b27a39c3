#ifndef STORAGE_API_SYNC_STORE_H_
#define STORAGE_API_SYNC_STORE_H_

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "storage/api/stream_store.h"

// Helpers for tests of stores.

namespace ds {

// A name that a test made up, which may be no valid one.
inline StreamPath Named(std::string text) { return StreamPath::FromStore(std::move(text)); }

// Calls a store and waits for the answer.
class SyncStore {
 public:
  explicit SyncStore(StreamStore& store) : store_(store) {}

  CreateResult Create(CreateRequest request) {
    return Call<CreateResult>(&StreamStore::Create, std::move(request));
  }
  AppendResult Append(AppendRequest request) {
    return Call<AppendResult>(&StreamStore::Append, std::move(request));
  }
  ReadResult Read(ReadRequest request) {
    return Call<ReadResult>(&StreamStore::Read, std::move(request));
  }
  HeadResult Head(HeadRequest request) {
    return Call<HeadResult>(&StreamStore::Head, std::move(request));
  }
  DeleteResult Delete(DeleteRequest request) {
    return Call<DeleteResult>(&StreamStore::Delete, std::move(request));
  }
  ListResult List(ListRequest request) {
    return Call<ListResult>(&StreamStore::List, std::move(request));
  }
  SubscriptionAnswer Ask(std::string id, SubscriptionCall::Operation operation,
                         CallContext context = {}) {
    return Call<SubscriptionAnswer>(&StreamStore::Subscriptions,
                                    SubscriptionCall{std::move(id), std::move(operation), context});
  }

  // Shorthands for what most tests say; octet-stream unless `content_type` says otherwise.
  CreateResult Make(const std::string& path, std::string content_type = {}, std::string body = {}) {
    return Create(
        {.path = Named(path), .content_type = std::move(content_type), .body = std::move(body)});
  }
  AppendResult Add(const std::string& path, std::string body,
                   std::string content_type = "application/octet-stream") {
    return Append(
        {.path = Named(path), .content_type = std::move(content_type), .body = std::move(body)});
  }
  AppendResult AddJson(const std::string& path, std::string body) {
    return Add(path, std::move(body), "application/json");
  }
  AppendResult Close(const std::string& path) {
    return Append({.path = Named(path), .close = true});
  }
  // All bytes from the beginning; empty when the stream cannot be read.
  std::string All(const std::string& path) {
    return Read({.path = Named(path), .max_bytes = 1u << 30}).data();
  }

 private:
  template <typename Result, typename Request>
  Result Call(void (StreamStore::*method)(Request, StreamStore::Callback<Result>),
              Request request) {
    std::promise<Result> promise;
    std::future<Result> answer = promise.get_future();
    (store_.*method)(std::move(request), [promise = std::move(promise)](Result result) mutable {
      promise.set_value(std::move(result));
    });
    return answer.get();
  }

  StreamStore& store_;
};

// Keeps what an observer is told until a test asks for it. Thread-safe.
template <typename Event>
class EventQueue {
 public:
  void Push(const Event& event) {
    const std::lock_guard<std::mutex> lock(mutex_);
    events_.push_back(event);
    arrived_.notify_all();
  }
  // The next event; nothing when none comes for `timeout`.
  std::optional<Event> Next(absl::Duration timeout = absl::Seconds(10)) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!arrived_.wait_for(lock, absl::ToChronoMilliseconds(timeout),
                           [this] { return !events_.empty(); })) {
      return std::nullopt;
    }
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Event> events_;  // guarded by mutex_
};

class QueueingTailObserver final : public TailObserver {
 public:
  void OnTail(const TailEvent& event) override { events.Push(event); }
  EventQueue<TailEvent> events;
};

class QueueingWatchObserver final : public WatchObserver {
 public:
  void OnChange(const ChangeEvent& event) override { events.Push(event); }
  EventQueue<ChangeEvent> events;
};

}  // namespace ds

#endif  // STORAGE_API_SYNC_STORE_H_

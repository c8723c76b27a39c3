// Generated histories against a model that is too simple to be wrong: every stream is a string of
// its own, forks are copies. The engine's sharing, caching, repacking and reopening must not show.

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"
#include "storage/api/errors.h"
#include "storage/api/sync_store.h"
#include "storage/engine/engine.h"

namespace ds {
namespace {

struct ModelStream {
  std::string data;
  bool closed = false;
  bool deleted = false;  // kept for its forks
  int forks = 0;
  std::string source;  // empty: no fork
  std::map<std::string, ProducerState> producers;
};

struct Action {
  enum Kind {
    kCreate,
    kAppend,
    kProduce,
    kClose,
    kDelete,
    kFork,
    kReopen,
    kReopenAsCopy,
    kKindCount
  };
  Kind kind;
  int stream;
  int other;
  int size;
};

Action AnyAction() {
  return {static_cast<Action::Kind>(*rc::gen::inRange<int>(0, Action::kKindCount)),
          *rc::gen::inRange(0, 5), *rc::gen::inRange(0, 5), *rc::gen::inRange(1, 40)};
}

class Model {
 public:
  explicit Model(const std::string& directory) {
    options_.database.directory = directory;
    options_.max_cached_streams = 1;
    options_.repacker = {.min_records = 2, .min_joined = 2};
    Open();
  }

  void Apply(const Action& action) {
    const std::string path = "s" + std::to_string(action.stream);
    const std::string other = "s" + std::to_string(action.other);
    const std::string body(static_cast<size_t>(action.size),
                           static_cast<char>('a' + counter_++ % 26));
    const auto it = streams_.find(path);
    ModelStream* const stream = it == streams_.end() ? nullptr : &it->second;
    switch (action.kind) {
      case Action::kCreate: {
        const CreateResult made = store_->Make(path, "", body);
        RC_ASSERT(made.created == (stream == nullptr));
        if (stream == nullptr) streams_[path].data = body;
        break;
      }
      case Action::kAppend: {
        const bool takes = stream != nullptr && !stream->closed && !stream->deleted;
        RC_ASSERT(store_->Add(path, body).status.ok() == takes);
        if (takes) stream->data += body;
        break;
      }
      case Action::kProduce:
        Produce(path, stream, static_cast<uint64_t>(action.size) % 4, body);
        break;
      case Action::kClose: {
        const bool there = stream != nullptr && !stream->deleted;
        RC_ASSERT(store_->Close(path).status.ok() == there);
        if (there) stream->closed = true;
        break;
      }
      case Action::kDelete:
        RC_ASSERT(store_->Delete({.path = Named(path)}).status.ok() ==
                  (stream != nullptr && !stream->deleted));
        if (stream != nullptr && !stream->deleted) Delete(path);
        break;
      case Action::kFork:
        Fork(path, other, static_cast<uint64_t>(action.size));
        break;
      case Action::kReopen:
      case Action::kReopenAsCopy:
        store_.reset();
        engine_.reset();
        if (action.kind == Action::kReopenAsCopy) {
          std::filesystem::remove(options_.database.directory + "/MARK");
        }
        Open();
        break;
      case Action::kKindCount:
        break;
    }
    Check();
  }

 private:
  void Open() {
    auto engine = Engine::Open(options_, clock_);
    RC_ASSERT(engine.ok());
    engine_ = *std::move(engine);
    store_.emplace(*engine_);
  }

  void Produce(const std::string& path, ModelStream* stream, uint64_t seq,
               const std::string& body) {
    const AppendResult result = store_->Append({.path = Named(path),
                                                .content_type = "application/octet-stream",
                                                .body = body,
                                                .producer = ProducerTag{"p", 0, seq}});
    if (stream == nullptr || stream->deleted) {
      RC_ASSERT(!result.status.ok());
      return;
    }
    const auto known = stream->producers.find("p");
    const uint64_t expected = known == stream->producers.end() ? 0 : known->second.last_seq + 1;
    RC_ASSERT(result.duplicate == (seq < expected && !stream->closed) ||
              (stream->closed && seq < expected));
    const bool takes = seq == expected && !stream->closed;
    RC_ASSERT((result.status.ok() && !result.duplicate) == takes);
    if (!takes) return;
    stream->data += body;
    stream->producers["p"] = {0, seq};
  }

  void Fork(const std::string& path, const std::string& source, uint64_t size) {
    const auto from = streams_.find(source);
    if (streams_.contains(path) || path == source) return;
    const HeadResult head = store_->Head({.path = Named(source)});
    std::optional<Offset> at;
    uint64_t length = from == streams_.end() ? 0 : from->second.data.size();
    if (head.status.ok() && size % 2 == 0 && length > 0) {
      length = size % (length + 1);
      // Offsets below the source's own beginning belong to its ancestors; a read tells their form.
      at = store_->Read({.path = Named(source), .max_bytes = std::max<uint64_t>(length, 1)}).next;
      if (length == 0) at = Offset{0, 0};
    }
    const CreateResult made =
        store_->Create({.path = Named(path), .fork = ForkPoint{Named(source), at, 0}});
    const bool possible = from != streams_.end() && !from->second.deleted;
    RC_ASSERT(made.status.ok() == possible);
    if (!possible) return;
    ++from->second.forks;
    ModelStream fork;
    fork.data = from->second.data.substr(0, length);
    fork.source = source;
    streams_[path] = fork;
  }

  void Delete(const std::string& path) {
    ModelStream& stream = streams_[path];
    stream.deleted = true;
    if (stream.forks > 0) return;
    const std::string source = stream.source;
    streams_.erase(path);
    if (source.empty()) return;
    ModelStream& parent = streams_[source];
    --parent.forks;
    if (parent.deleted && parent.forks == 0) Delete(source);
  }

  void Check() {
    for (int i = 0; i < 5; ++i) {
      const std::string path = "s" + std::to_string(i);
      const auto it = streams_.find(path);
      const ReadResult read = store_->Read({.path = Named(path), .max_bytes = 1u << 30});
      if (it == streams_.end()) {
        RC_ASSERT(GetErrorCode(read.status) == ErrorCode::kStreamNotFound);
      } else if (it->second.deleted) {
        RC_ASSERT(GetErrorCode(read.status) == ErrorCode::kStreamGone);
      } else {
        RC_ASSERT(read.status.ok());
        RC_ASSERT(read.data() == it->second.data);
        RC_ASSERT(read.info.closed == it->second.closed);
      }
    }
  }

  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  std::optional<SyncStore> store_;
  std::map<std::string, ModelStream> streams_;
  unsigned counter_ = 0;
};

RC_GTEST_PROP(EngineHistory, EqualsTheModel, ()) {
  std::string name = testing::TempDir() + "/history-XXXXXX";
  RC_ASSERT(mkdtemp(name.data()) != nullptr);
  const auto remove =
      std::shared_ptr<void>(nullptr, [&](void*) { std::filesystem::remove_all(name); });
  Model model(name);
  const int length = *rc::gen::inRange(1, 60);
  for (int i = 0; i < length; ++i) model.Apply(AnyAction());
}

}  // namespace
}  // namespace ds

#ifndef STORAGE_ENGINE_ANNOUNCEMENTS_H_
#define STORAGE_ENGINE_ANNOUNCEMENTS_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "storage/api/types.h"
#include "storage/engine/stream_entry.h"
#include "storage/engine/tail_hub.h"

namespace ds {

// What a commit will tell those who follow and watch streams, in order, once it is on disk. Belongs
// to the commit thread.
class Announcements {
 public:
  // Both must outlive the object.
  Announcements(TailHub& hub, Clock& clock) : hub_(hub), clock_(clock) {}

  // The bytes between the two positions were appended (none when they are equal), or the stream was
  // closed, or both.
  struct Append {
    EntryPtr entry;
    uint64_t start = 0;
    uint64_t end = 0;
    bool closes = false;
    ChunkPtr chunk;  // nullptr: none
  };
  void Add(Append append) { events_.emplace_back(std::move(append)); }
  // The stream is no longer there.
  struct Gone {
    EntryPtr entry;
  };
  void Add(Gone gone) { events_.emplace_back(std::move(gone)); }
  void Add(ChangeEvent change) { events_.emplace_back(std::move(change)); }

  // Tells all.
  void Publish();
  void Clear() { events_.clear(); }

 private:
  void Publish(const Append& append);
  void Publish(const Gone& gone);
  void Publish(const ChangeEvent& change);

  TailHub& hub_;
  Clock& clock_;
  std::vector<std::variant<Append, Gone, ChangeEvent>> events_;
};

}  // namespace ds

#endif  // STORAGE_ENGINE_ANNOUNCEMENTS_H_

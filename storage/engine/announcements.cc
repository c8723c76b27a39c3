#include "storage/engine/announcements.h"

namespace ds {

void Announcements::Publish() {
  for (const auto& event : events_) {
    std::visit([this](const auto& one) { Publish(one); }, event);
  }
  events_.clear();
}

void Announcements::Publish(const Append& append) {
  const StreamEntry& entry = *append.entry;
  const Lineage& lineage = entry.config.lineage;
  if (hub_.HasFollowers(entry.path)) {
    TailEvent event;
    event.kind = append.chunk == nullptr ? TailEvent::Kind::kClosed : TailEvent::Kind::kData;
    event.stream_id = lineage.stream_id();
    event.start = lineage.OffsetAt(append.start);
    event.next = lineage.OffsetAt(append.end);
    event.closed = append.closes;
    event.chunk = append.chunk;
    hub_.Publish(entry.path, event);
  }
  if (hub_.HasWatchers()) {
    ChangeEvent change{ChangeEvent::Kind::kAppended, entry.path,
                       entry.config.content_type,    lineage.stream_id(),
                       lineage.OffsetAt(append.end), clock_.Wall()};
    if (append.chunk != nullptr) hub_.Publish(change);
    change.kind = ChangeEvent::Kind::kClosed;
    if (append.closes) hub_.Publish(change);
  }
}

void Announcements::Publish(const Gone& gone) {
  TailEvent event;
  event.kind = TailEvent::Kind::kGone;
  event.stream_id = gone.entry->config.lineage.stream_id();
  hub_.Publish(gone.entry->path, event);
}

void Announcements::Publish(const ChangeEvent& change) {
  if (hub_.HasWatchers()) hub_.Publish(change);
}

}  // namespace ds

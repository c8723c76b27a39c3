#include "gateway/protocol/etag.h"

#include "gateway/protocol/lists.h"

namespace ds {
namespace {

constexpr std::string_view kBeginning = "-1";

void Append(const Offset& offset, std::string& out) {
  char text[Offset::kTextSize];
  offset.WriteTo(text);
  out.append(text, sizeof text);
}

std::string Begin(uint64_t stream_id) {
  std::string etag;
  etag.reserve(112);
  return etag.append("\"").append(std::to_string(stream_id)).append(":");
}

}  // namespace

std::string Etag(const ReadResult& read, std::string_view coding) {
  std::string etag = Begin(read.info.stream_id);
  if (read.start.position == 0) {
    etag.append(kBeginning);
  } else {
    Append(read.start, etag);
  }
  etag.push_back(':');
  Append(read.next, etag);
  if (read.at_end()) etag.append(":c");
  if (!coding.empty()) etag.append(";").append(coding);
  etag.push_back('"');
  return etag;
}

std::string Etag(const StreamInfo& info) {
  std::string etag = Begin(info.stream_id).append(kBeginning).append(":");
  Append(info.tail, etag);
  if (info.closed) etag.append(":c");
  etag.push_back('"');
  return etag;
}

bool NamesEtag(std::string_view if_none_match, std::string_view etag) {
  bool found = false;
  ForEachListItem(if_none_match, [&](std::string_view item) {
    if (item.starts_with("W/")) item.remove_prefix(2);
    found |= item == "*" || item == etag;
  });
  return found;
}

std::optional<Offset> EtagNext(std::string_view etags) {
  std::optional<Offset> next;
  ForEachListItem(etags, [&](std::string_view item) {
    const size_t first = item.find(':');
    const size_t second = first == item.npos ? first : item.find(':', first + 1);
    if (next || second == item.npos) return;
    next = Offset::Parse(item.substr(second + 1, Offset::kTextSize));
  });
  return next;
}

}  // namespace ds

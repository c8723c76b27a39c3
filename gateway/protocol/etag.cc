#include "gateway/protocol/etag.h"

#include <charconv>

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
  return Etag(StreamVersion{info.stream_id, info.tail, info.closed});
}

std::string Etag(const StreamVersion& version) {
  std::string etag = Begin(version.stream_id).append(kBeginning).append(":");
  Append(version.tail, etag);
  if (version.closed) etag.append(":c");
  etag.push_back('"');
  return etag;
}

std::optional<VersionTag> ParseVersionTag(std::string_view tag) {
  VersionTag version;
  if (const std::optional<Offset> tail = Offset::Parse(tag)) {
    version.tail = *tail;
    return version;
  }
  const auto id = std::from_chars(tag.data(), tag.data() + tag.size(), version.stream_id);
  if (id.ec != std::errc() || version.stream_id == 0) return std::nullopt;
  tag.remove_prefix(static_cast<size_t>(id.ptr - tag.data()));
  const size_t next = tag.find(':', 1);
  if (!tag.starts_with(':') || next == tag.npos) return std::nullopt;
  const std::string_view start = tag.substr(1, next - 1);
  if (start != kBeginning && !Offset::Parse(start)) return std::nullopt;
  const std::optional<Offset> tail = Offset::Parse(tag.substr(next + 1, Offset::kTextSize));
  if (!tail) return std::nullopt;
  version.tail = *tail;
  tag.remove_prefix(next + 1 + Offset::kTextSize);
  version.closed = tag.starts_with(":c");
  if (*version.closed) tag.remove_prefix(2);
  if (!tag.empty() && !tag.starts_with(';')) return std::nullopt;
  return version;
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

#include "storage/subscriptions/pattern.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

namespace ds {
namespace {

constexpr std::string_view kOne = "*";
constexpr std::string_view kAny = "**";

std::vector<std::string_view> Split(std::string_view path) {
  std::vector<std::string_view> segments;
  while (true) {
    const size_t end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    if (end == path.size()) return segments;
    path.remove_prefix(end + 1);
  }
}

// What a literal segment of a pattern stands for.
std::string Literal(std::string_view segment) {
  std::string literal;
  for (size_t i = 0; i < segment.size(); ++i) {
    const std::string_view rest = segment.substr(i, 3);
    if (rest == "%2A" || rest == "%2a") {
      literal.push_back('*');
      i += 2;
    } else {
      literal.push_back(segment[i]);
    }
  }
  return literal;
}

}  // namespace

struct PatternIndex::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::unique_ptr<Node> one;  // behind `*`
  std::unique_ptr<Node> any;  // behind `**`
  std::vector<void*> values;  // of patterns that end here

  bool empty() const {
    return literals.empty() && one == nullptr && any == nullptr && values.empty();
  }

  std::unique_ptr<Node>& Child(std::string_view segment) {
    if (segment == kOne) return one;
    if (segment == kAny) return any;
    return literals[Literal(segment)];
  }

  void Remove(const std::vector<std::string_view>& segments, size_t at, void* value) {
    if (at == segments.size()) {
      values.erase(std::find(values.begin(), values.end(), value));
      return;
    }
    std::unique_ptr<Node>& child = Child(segments[at]);
    child->Remove(segments, at + 1, value);
    if (!child->empty()) return;
    child.reset();
    if (segments[at] != kOne && segments[at] != kAny) literals.erase(Literal(segments[at]));
  }
};

PatternIndex::PatternIndex() : root_(std::make_unique<Node>()) {}
PatternIndex::~PatternIndex() = default;

void PatternIndex::Add(std::string_view pattern, void* value) {
  Node* node = root_.get();
  for (const std::string_view segment : Split(pattern)) {
    std::unique_ptr<Node>& child = node->Child(segment);
    if (child == nullptr) child = std::make_unique<Node>();
    node = child.get();
  }
  node->values.push_back(value);
  ++size_;
}

void PatternIndex::Remove(std::string_view pattern, void* value) {
  root_->Remove(Split(pattern), 0, value);
  --size_;
}

struct PatternIndex::Search {
  const std::vector<std::string_view> segments;
  std::vector<void*> found = {};
  // Where it was already: patterns with several `**` lead to the same place in many ways.
  std::set<std::pair<const Node*, size_t>> seen = {};
};

std::vector<void*> PatternIndex::Find(std::string_view path) const {
  if (size_ == 0) return {};
  Search search{Split(path)};
  Collect(*root_, 0, search);
  return std::move(search.found);
}

void PatternIndex::Collect(const Node& node, size_t at, Search& search) {
  if (!search.seen.emplace(&node, at).second) return;
  const std::vector<std::string_view>& segments = search.segments;
  if (node.any != nullptr) {
    for (size_t next = at; next <= segments.size(); ++next) Collect(*node.any, next, search);
  }
  if (at == segments.size()) {
    search.found.insert(search.found.end(), node.values.begin(), node.values.end());
    return;
  }
  if (node.one != nullptr) Collect(*node.one, at + 1, search);
  const auto literal = node.literals.find(segments[at]);
  if (literal != node.literals.end()) Collect(*literal->second, at + 1, search);
}

bool PatternMatches(std::string_view pattern, std::string_view path) {
  const std::vector<std::string_view> parts = Split(pattern);
  const std::vector<std::string_view> segments = Split(path);
  // reachable[i]: the pattern so far matches the first i segments.
  std::vector<char> reachable(segments.size() + 1, 0);
  reachable[0] = 1;
  for (const std::string_view part : parts) {
    if (part == kAny) {
      for (size_t i = 0; i < segments.size(); ++i) reachable[i + 1] |= reachable[i];
      continue;
    }
    const std::string literal = Literal(part);
    for (size_t i = segments.size(); i > 0; --i) {
      reachable[i] = reachable[i - 1] && (part == kOne || literal == segments[i - 1]);
    }
    reachable[0] = 0;
  }
  return reachable[segments.size()] != 0;
}

std::string PatternPrefix(std::string_view pattern) {
  std::string prefix;
  for (const std::string_view part : Split(pattern)) {
    if (part == kOne || part == kAny) break;
    if (!prefix.empty()) prefix += "/";
    prefix += Literal(part);
  }
  return prefix;
}

}  // namespace ds

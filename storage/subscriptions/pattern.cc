#include "storage/subscriptions/pattern.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace ds {
namespace {

using Segment = PathPattern::Segment;

// Finds by string_view.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <typename Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

// What a pattern begins with: its first segment if that is a literal, "/" for all wildcards.
const std::string& Beginning(const PathPattern& pattern) {
  static const std::string wildcard = "/";
  const Segment& first = pattern.segments().front();
  return first.kind == Segment::Kind::kLiteral ? first.begin : wildcard;
}

}  // namespace

struct PatternIndex::Node {
  // Behind a segment that is neither a literal nor `*`.
  struct Part {
    Segment segment;
    std::unique_ptr<Node> node;
  };

  TextMap<std::unique_ptr<Node>> literals;
  std::unique_ptr<Node> one;  // behind `*`
  std::unique_ptr<Node> any;  // behind `**`
  std::vector<Part> parts;
  std::vector<void*> values;  // of patterns that end here
  bool stays = false;         // stands behind `**`: further segments lead here again
  // Of the search that was here last: the step, and the search if the values were taken.
  uint64_t seen = 0;
  uint64_t taken = 0;

  bool is_leaf() const {
    return literals.empty() && one == nullptr && any == nullptr && parts.empty();
  }

  // Where the child behind the segment stands, or nullptr. With `make` it is there afterwards.
  std::unique_ptr<Node>* Child(const Segment& segment, bool make) {
    if (segment.any()) return make || any != nullptr ? &any : nullptr;
    if (segment.one()) return make || one != nullptr ? &one : nullptr;
    if (segment.kind == Segment::Kind::kLiteral) {
      const auto it = literals.find(segment.begin);
      if (it != literals.end()) return &it->second;
      return make ? &literals[segment.begin] : nullptr;
    }
    for (Part& part : parts) {
      if (part.segment == segment) return &part.node;
    }
    return make ? &parts.emplace_back(Part{segment, nullptr}).node : nullptr;
  }

  void Drop(const Segment& segment) {
    if (segment.any()) {
      any.reset();
    } else if (segment.one()) {
      one.reset();
    } else if (segment.kind == Segment::Kind::kLiteral) {
      literals.erase(segment.begin);
    } else {
      std::erase_if(parts, [&](const Part& part) { return part.segment == segment; });
    }
  }
};

struct PatternIndex::Search {
  std::vector<Node*> nodes;  // that the path so far leads to
  std::vector<void*> found;
  uint64_t first_step;

  void Reach(Node& node, uint64_t step) {
    if (std::exchange(node.seen, step) == step) return;
    // Whatever follows, it leads here.
    if (node.stays && node.is_leaf()) {
      if (node.taken < first_step) Take(node, step);
      return;
    }
    nodes.push_back(&node);
    if (node.any != nullptr) Reach(*node.any, step);
  }
  void Take(Node& node, uint64_t step) {
    node.taken = step;
    found.insert(found.end(), node.values.begin(), node.values.end());
  }
};

PatternIndex::PatternIndex() : root_(std::make_unique<Node>()) {}
PatternIndex::~PatternIndex() = default;

bool PatternIndex::HasRoomFor(const PathPattern& pattern) const {
  size_t more = 0;
  bool floating = false;
  Node* node = root_.get();
  for (const Segment& segment : pattern.segments()) {
    std::unique_ptr<Node>* const child = node != nullptr ? node->Child(segment, false) : nullptr;
    node = child != nullptr ? child->get() : nullptr;
    if (floating && node == nullptr) ++more;
    floating |= segment.any();
  }
  if (more == 0) return true;
  const auto there = floating_.find(Beginning(pattern));
  return (there == floating_.end() ? 0 : there->second) + more <= kMaxFloating;
}

void PatternIndex::AddFloating(const PathPattern& pattern, std::ptrdiff_t change) {
  if (change == 0) return;
  const auto it = floating_.try_emplace(Beginning(pattern), 0).first;
  it->second += static_cast<size_t>(change);
  if (it->second == 0) floating_.erase(it);
}

void PatternIndex::Add(const PathPattern& pattern, void* value) {
  std::ptrdiff_t made = 0;
  bool floating = false;
  Node* node = root_.get();
  for (const Segment& segment : pattern.segments()) {
    std::unique_ptr<Node>& child = *node->Child(segment, true);
    if (child == nullptr) {
      child = std::make_unique<Node>();
      child->stays = segment.any();
      made += floating ? 1 : 0;
    }
    floating |= segment.any();
    node = child.get();
  }
  node->values.push_back(value);
  ++size_;
  AddFloating(pattern, made);
}

bool PatternIndex::RemoveBelow(Node& node, const PathPattern& pattern, size_t at, bool floating,
                               void* value, std::ptrdiff_t& removed) {
  if (at == pattern.segments().size()) {
    node.values.erase(std::find(node.values.begin(), node.values.end(), value));
  } else {
    const Segment& segment = pattern.segments()[at];
    Node& child = **node.Child(segment, false);
    if (RemoveBelow(child, pattern, at + 1, floating || segment.any(), value, removed)) {
      node.Drop(segment);
      removed += floating ? 1 : 0;
    }
  }
  return node.is_leaf() && node.values.empty();
}

void PatternIndex::Remove(const PathPattern& pattern, void* value) {
  std::ptrdiff_t removed = 0;
  RemoveBelow(*root_, pattern, 0, false, value, removed);
  --size_;
  AddFloating(pattern, -removed);
}

std::vector<void*> PatternIndex::Find(std::string_view path) {
  if (size_ == 0) return {};
  Search search{.nodes = {}, .found = {}, .first_step = ++step_};
  search.Reach(*root_, step_);
  std::vector<Node*> before;
  ForEachSegment(path, [&](std::string_view segment) {
    before.swap(search.nodes);
    search.nodes.clear();
    ++step_;
    for (Node* const node : before) {
      if (node->stays) search.Reach(*node, step_);
      if (node->one != nullptr) search.Reach(*node->one, step_);
      for (const Node::Part& part : node->parts) {
        if (part.segment.Matches(segment)) search.Reach(*part.node, step_);
      }
      if (node->literals.empty()) continue;
      const auto literal = node->literals.find(segment);
      if (literal != node->literals.end()) search.Reach(*literal->second, step_);
    }
  });
  for (Node* const node : search.nodes) search.Take(*node, step_);
  return std::move(search.found);
}

}  // namespace ds

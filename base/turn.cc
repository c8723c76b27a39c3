#include "base/turn.h"

#include <utility>

namespace ds {
namespace {

thread_local Turn* current = nullptr;

}  // namespace

Turn::Turn() { current = this; }

Turn::~Turn() {
  current = nullptr;
  for (auto& action : actions_) action();
}

void Turn::AtEnd(UniqueFunction<void()> action) {
  if (current == nullptr) return action();
  current->actions_.push_back(std::move(action));
}

}  // namespace ds

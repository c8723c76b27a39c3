#ifndef BASE_TURN_H_
#define BASE_TURN_H_

#include <vector>

#include "base/unique_function.h"

namespace ds {

// One turn of a thread that works through what has gathered and then sleeps: an event loop, the
// commit loop. Waking another thread for the first of many things that it is to do costs a context
// switch, and again for the next; so what wakes is put off to the end of the turn.
//
//   while (running) {
//     Turn turn;
//     ... handlers, which call Turn::AtEnd ...
//   }
class Turn {
 public:
  // Begins a turn of this thread. REQUIRES: none is under way.
  Turn();
  // Ends it: runs what was put off, in order.
  ~Turn();
  Turn(const Turn&) = delete;

  // Runs `action` at the end of this thread's turn, or at once when none is under way.
  static void AtEnd(UniqueFunction<void()> action);

 private:
  std::vector<UniqueFunction<void()>> actions_;
};

}  // namespace ds

#endif  // BASE_TURN_H_
